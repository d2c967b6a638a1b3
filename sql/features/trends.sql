-- one row per item known at the cut-off: what was done with it lately, hour by hour, and its category
-- lifetime_hours is of all items (lifetime.sql); `fading` says what an action of each age in hours still counts.
with actions as (from actions),
item_index as (from item_index where item_index < $items),
item_log as (from item_log),
positive as (
    select item_index, hour from actions where weight > 0 and day <= $cutoff_day
),
firsts as (
    select item_index, min(hour) as first_hour from positive group by item_index
),
lately as (
    select item_index, hour from positive where hour >= $end_hour - 24 * $days
),
counts as (
    select item_index, whole(sum(fading.units::hugeint)) as trend
    from lately
    join fading on fading.age = $end_hour - lately.hour
    group by item_index
),
categories as (
    select item_id, category
    from item_log
    where arrival <= $cutoff::date and category is not null
    qualify row_number() over (partition by item_id order by arrival desc, rows desc, category) = 1
),
final as (
    select
        item_index.item_index,
        coalesce(counts.trend, 0) as trend,
        $end_hour - firsts.first_hour as age_hours,
        $lifetime_hours::integer as lifetime_hours,
        categories.category
    from item_index
    left join counts using (item_index)
    left join firsts using (item_index)
    left join categories using (item_id)
)
select *
from final
order by item_index
