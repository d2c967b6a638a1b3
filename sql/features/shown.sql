-- one row per user and item that the user was shown in the $days days until the cut-off: how long ago the last time, how
-- often it was looked at, by the chance of that at each place, and how often since the user last acted on it
with shown_days as (from shown_days),
user_item_days as (from user_item_days),
looks as (select place, units(examined) as units from examined),
seen as (
    select shown_days.user_index, shown_days.item_index, shown_days.day, looks.units
    from shown_days
    join looks using (place)
    where day > $cutoff_day - $days and day <= $cutoff_day and user_index < $users and item_index < $items
),
pairs as (
    select user_index, item_index, min($cutoff_day - day) as last_age, sum(units::hugeint) as units
    from seen
    group by user_index, item_index
),
last_acted as (
    select user_item_days.user_index, user_item_days.item_index, max(user_item_days.day) as day
    from user_item_days
    semi join pairs on user_item_days.user_index = pairs.user_index and user_item_days.item_index = pairs.item_index
    where user_item_days.actions > 0 and user_item_days.day <= $cutoff_day
    group by user_item_days.user_index, user_item_days.item_index
),
-- of few pairs, which are told from all the others before their days are compared
since as (
    select seen.user_index, seen.item_index, sum(seen.units::hugeint) filter (seen.day > last_acted.day) as units
    from seen
    join last_acted on last_acted.user_index = seen.user_index and last_acted.item_index = seen.item_index
    group by seen.user_index, seen.item_index
),
final as (
    select
        pairs.user_index,
        pairs.item_index,
        pairs.last_age,
        whole(pairs.units) as examined,
        case when since.user_index is null then whole(pairs.units) else coalesce(whole(since.units), 0) end as in_vain
    from pairs
    left join since on since.user_index = pairs.user_index and since.item_index = pairs.item_index
)
select *
from final
order by user_index, item_index
