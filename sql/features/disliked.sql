-- one row per (user, item) that is on no list of the user: by the end of the cut-off day more speaks against the item than for
-- it, or nothing for it, and what they did hides it still; or it has tired them: so many events that take several to hide it
-- came since they last did something that speaks for it, and count still; or as many of one type that caps count still, whatever
-- they did; or it is kept from them (excluded.sql)
with user_item_days as (
    from user_item_days
    where day <= $cutoff_day and user_index >= $first_user and user_index < $users and item_index < $items
),
caps as (
    from actions
    where capped_until >= $cutoff_day and day <= $cutoff_day
        and user_index >= $first_user and user_index < $users and item_index < $items
),
excluded as (from excluded where user_index >= $first_user and user_index < $users),
hiding as (
    select distinct user_index, item_index
    from user_item_days
    where hidden_until >= $cutoff_day
),
spoken as (
    select user_item_days.user_index, user_item_days.item_index
    from user_item_days
    semi join hiding
        on user_item_days.user_index = hiding.user_index and user_item_days.item_index = hiding.item_index
    group by user_item_days.user_index, user_item_days.item_index
    having sum(units(weight)) < 0 or sum(actions) = 0
),
tiring as (from user_item_days where tiring > 0 and tires_until >= $cutoff_day),
acted as (
    select user_item_days.user_index, user_item_days.item_index, max(user_item_days.day) as day
    from user_item_days
    semi join tiring
        on user_item_days.user_index = tiring.user_index and user_item_days.item_index = tiring.item_index
    where user_item_days.actions > 0
    group by user_item_days.user_index, user_item_days.item_index
),
tired as (
    select tiring.user_index, tiring.item_index
    from tiring
    left join acted on tiring.user_index = acted.user_index and tiring.item_index = acted.item_index
    where tiring.day > coalesce(acted.day, -2147483648)
    group by tiring.user_index, tiring.item_index
    having sum(tiring.tiring) >= max(tiring.after)
),
capped as (
    select user_index, item_index
    from caps
    group by user_index, item_index, event_type
    having count(*) >= max(after)
),
final as (
    select user_index, item_index from spoken
    union
    select user_index, item_index from tired
    union
    select user_index, item_index from capped
    union
    select user_index, item_index from excluded
)
select *
from final
order by user_index, item_index
