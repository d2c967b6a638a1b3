-- one row per user and item that the user was shown in the $days days until the cut-off: how long ago the last time, how
-- often it was looked at, by the chance of that at each place, and how often since the user last acted on it
with shown_days as (from shown_days),
user_item_days as (from user_item_days),
examined as (from examined),
seen as (
    select shown_days.user_index, shown_days.item_index, shown_days.day, examined.examined
    from shown_days
    join examined using (place)
    where day > $cutoff_day - $days and day <= $cutoff_day and user_index < $users and item_index < $items
),
last_acted as (
    select user_item_days.user_index, user_item_days.item_index, max(user_item_days.day) as day
    from user_item_days
    semi join seen on user_item_days.user_index = seen.user_index and user_item_days.item_index = seen.item_index
    where user_item_days.actions > 0 and user_item_days.day <= $cutoff_day
    group by user_item_days.user_index, user_item_days.item_index
),
final as (
    select
        seen.user_index,
        seen.item_index,
        min($cutoff_day - seen.day) as last_age,
        whole(sum(units(seen.examined))) as examined,
        coalesce(whole(sum(units(seen.examined)) filter (seen.day > coalesce(last_acted.day, -2147483648))), 0) as in_vain
    from seen
    left join last_acted on last_acted.user_index = seen.user_index and last_acted.item_index = seen.item_index
    group by seen.user_index, seen.item_index
)
select *
from final
order by user_index, item_index
