-- one row per (user, item) of which more speaks against the item than for it by the end of the cut-off day, or nothing
-- for it, and what they did hides it still
with user_item_days as (from user_item_days),
final as (
    select user_index, item_index
    from user_item_days
    where day <= $cutoff_day and user_index < $users and item_index < $items
    group by user_index, item_index
    having (sum(units(weight)) < 0 or sum(actions) = 0) and max(hidden_until) >= $cutoff_day
)
select *
from final
order by user_index, item_index
