-- One row per item shown to a user to whom it was not offered, though it was to others.
with closed as (select distinct item_id from offers)
select surface || ': item ' || item_id || ' was not offered to user ' || user_id
from recommendations
semi join closed using (item_id)
anti join offers using (user_id, item_id)
order by all
