-- one row: half of the actions of the $days days until $end_hour were on items younger than so many hours; null: there were none
with actions as (from actions),
positive as (
    select item_index, hour from actions where weight > 0 and day <= $cutoff_day
),
firsts as (
    select item_index, min(hour) as first_hour from positive group by item_index
)
select quantile_disc(positive.hour - firsts.first_hour, 0.5) as lifetime_hours
from positive
join firsts using (item_index)
where positive.hour >= $end_hour - 24 * $days
