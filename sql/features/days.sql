-- one row per (user, item, day) with a positive action or one of the goal by the end of the cut-off day, of the users whose
-- hash is below $below
with user_item_days as (
    from user_item_days
    where (actions > 0 or labels > 0) and day <= $cutoff_day
        and user_index >= $first_user and user_index < $users and item_index < $items
),
sampled as (
    select user_index
    from user_index
    where user_index >= $first_user and user_index < $users and md5(concat_ws(' ', $salt::varchar, user_index)) < $below::varchar
),
final as (
    select
        user_item_days.user_index,
        user_item_days.item_index,
        $cutoff_day - user_item_days.day as age,
        user_item_days.actions > 0 as is_action,
        user_item_days.labels > 0 as is_label
    from user_item_days
    semi join sampled on user_item_days.user_index = sampled.user_index
)
select *
from final
order by user_index, age desc, item_index
