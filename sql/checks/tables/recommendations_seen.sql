-- One row per item that a user has acted on and is shown on a surface without repeats, and per user of whose history the
-- interactions, by which that is judged, know another number of items than the user's statistics, counted otherwise.
with shown as (
    select surface, user_id, item_id, user_index, item_index
    from recommendations
    join surfaces using (surface)
    join users using (user_id)
    join items using (item_id)
    where not repeats
),
known as (
    select user_index, count(*) as items from interactions group by user_index
)
select surface || ': user ' || user_id || ' has acted on item ' || item_id
from shown
semi join interactions using (user_index, item_index)
union all
select 'user ' || user_id || ' has acted on ' || user_stats.items || ' items, the interactions know '
    || coalesce(known.items, 0) || ' of them'
from user_stats
join users using (user_index)
left join known using (user_index)
where user_stats.items <> coalesce(known.items, 0)
order by all
