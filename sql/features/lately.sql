-- one row per action of the last $hours hours before $end_hour: how many hours before, who (null: nobody who is known), and with
-- what
with actions as (from actions)
select
    ($end_hour - hour)::integer as hours_ago,
    case when user_index < $users then user_index end as user_index,
    item_index
from actions
where weight > 0 and day <= $cutoff_day and hour >= $end_hour - $hours and item_index < $items
order by hours_ago, user_index nulls first, item_index
