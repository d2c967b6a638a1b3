-- One row per item that is more than once in a user's list.
select surface || ': user ' || user_id || ' has item ' || item_id || ' ' || count(*) || ' times'
from recommendations
group by surface, user_id, item_id
having count(*) > 1
order by all
