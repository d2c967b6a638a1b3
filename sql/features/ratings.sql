-- one row per (user, item) with a value by the end of the cut-off day: the mean of the values given
with user_item_days as (from user_item_days),
final as (
    select user_index, item_index, whole(sum(units(value_sum))) / sum(given) as rating
    from user_item_days
    where given > 0 and day <= $cutoff_day and user_index >= $first_user and user_index < $users and item_index < $items
    group by user_index, item_index
)
select *
from final
order by user_index, item_index
