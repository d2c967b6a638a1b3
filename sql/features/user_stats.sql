-- one row per user known at the cut-off
with user_index as (from user_index),
user_days as (from user_days),
buyer_days as (from buyer_days),
counts as (
    select
        user_index,
        sum(actions) as actions,
        count(*) as days_active,
        $cutoff_day - min(day) as first_age,
        $cutoff_day - max(day) as last_age,
        sum(items) / count(*) as basket_items,
        whole(sum(units(price_sum))) / nullif(sum(prices), 0) as mean_price
    from user_days
    where day <= $cutoff_day
    group by user_index
),
variety as (
    select user_index, count(*) as items
    from buyer_days
    where day <= $cutoff_day and (next_day is null or next_day > $cutoff_day) and user_index is not null
    group by user_index
),
final as (
    select
        user_index.user_index,
        coalesce(actions, 0) as actions,
        coalesce(days_active, 0) as days_active,
        coalesce(items, 0) as items,
        first_age,
        last_age,
        (first_age - last_age) / nullif(days_active - 1, 0) as mean_interval,
        basket_items,
        mean_price
    from user_index
    left join counts using (user_index)
    left join variety using (user_index)
    where user_index.user_index < $users
)
select *
from final
order by user_index
