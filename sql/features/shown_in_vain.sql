-- one row per user and item that the user was shown in the label window and did not act on in it: how often it was looked at,
-- by the chance of that at each place
with shown_days as (from shown_days),
user_item_days as (from user_item_days),
examined as (from examined),
seen as (
    select shown_days.user_index, shown_days.item_index, whole(sum(units(examined.examined))) as examined
    from shown_days
    join examined using (place)
    where day > $cutoff_day and day <= $cutoff_day + $horizon_days and user_index < $users and item_index < $items
    group by shown_days.user_index, shown_days.item_index
),
acted as (
    select distinct user_index, item_index
    from user_item_days
    where actions > 0 and day > $cutoff_day and day <= $cutoff_day + $horizon_days
),
final as (
    select seen.user_index, seen.item_index, seen.examined
    from seen
    anti join acted on acted.user_index = seen.user_index and acted.item_index = seen.item_index
)
select *
from final
order by user_index, item_index
