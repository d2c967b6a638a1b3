-- One row per item that a user has acted on and is shown on a surface without repeats.
with seen as (
    select user_id, item_id
    from interactions join users using (user_index) join items using (item_index)
)
select surface || ': user ' || user_id || ' has acted on item ' || item_id
from recommendations
join surfaces using (surface)
semi join seen using (user_id, item_id)
where not repeats
order by all
