-- one row per (user, item) with a positive action by the end of the cut-off day
with user_item_days as (from user_item_days),
ages as (from ages),
aged as (
    select *
    from user_item_days
    join ages on ages.age = $cutoff_day - user_item_days.day
    where user_item_days.day <= $cutoff_day and user_index >= $first_user and user_index < $users and item_index < $items
),
final as (
    select
        user_index,
        item_index,
        greatest(0, whole(sum_of_units(weight * decay))) as confidence,
        least(count(*) filter (actions > 0), 32767) as count,
        whole(sum_of_units(quantity)) as quantity,
        whole(sum_of_units(spent)) as spent,
        max(age) filter (actions > 0) as first_age,
        min(age) filter (actions > 0) as last_age,
        whole(sum(decay_7::hugeint) filter (actions > 0)) as decay_7,
        whole(sum(decay_30::hugeint) filter (actions > 0)) as decay_30,
        whole(sum(decay_90::hugeint) filter (actions > 0)) as decay_90,
        whole(sum(decay_365::hugeint) filter (actions > 0)) as decay_365,
        least(sum(returns), 32767) as returns,
        sum(labels) - sum(returns) as kept
    from aged
    group by user_index, item_index
    having sum(actions) > 0
)
select *
from final
order by user_index, item_index
