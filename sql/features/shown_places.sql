-- one row per item and place at which it was shown in the $days days until the cut-off: to how many users and days, and on
-- how many of these they acted on it
with shown_days as (from shown_days)
select item_index, place, count(*) as times, count(*) filter (acted) as acted
from shown_days
where day > $cutoff_day - $days and day <= $cutoff_day and user_index < $users and item_index < $items
group by item_index, place
order by item_index, place
