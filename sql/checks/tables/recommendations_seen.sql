-- One row per item that a user has acted on and is shown on a surface without repeats.
with shown as (
    select surface, user_id, item_id, user_index, item_index
    from recommendations
    join surfaces using (surface)
    join users using (user_id)
    join items using (item_id)
    where not repeats
)
select surface || ': user ' || user_id || ' has acted on item ' || item_id
from shown
semi join interactions using (user_index, item_index)
order by all
