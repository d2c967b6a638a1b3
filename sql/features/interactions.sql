-- one row per (user, item) with a positive action by the end of the cut-off day
with user_item_days as (from user_item_days),
aged as (
    select *, $cutoff_day - day as age
    from user_item_days
    where day <= $cutoff_day and user_index < $users and item_index < $items
),
final as (
    select
        user_index,
        item_index,
        greatest(0, whole(sum(units(weight * pow(0.5, age / $half_life_days::double))))) as confidence,
        least(count(*) filter (actions > 0), 32767) as count,
        whole(sum(units(quantity))) as quantity,
        max(age) filter (actions > 0) as first_age,
        min(age) filter (actions > 0) as last_age,
        whole(sum(units(pow(0.5, age / 7.0::double))) filter (actions > 0)) as decay_7,
        whole(sum(units(pow(0.5, age / 30.0::double))) filter (actions > 0)) as decay_30,
        whole(sum(units(pow(0.5, age / 90.0::double))) filter (actions > 0)) as decay_90,
        whole(sum(units(pow(0.5, age / 365.0::double))) filter (actions > 0)) as decay_365,
        least(sum(returns), 32767) as returns
    from aged
    group by user_index, item_index
    having sum(actions) > 0
)
select *
from final
order by user_index, item_index
