-- table user_item_days: one row per user, item and day with an action
create or replace table user_item_days as
select
    user_index,
    item_index,
    day,
    whole(sum(units(weight))) as weight,
    count(*) filter (weight > 0) as actions,
    count(*) filter (weight < 0) as returns,
    count(*) filter (is_label) as labels,
    whole(sum(units(quantity)) filter (weight > 0)) as quantity,
    whole(sum(units(price)) filter (weight > 0)) as price_sum,
    -- a slip of the pen must not stop a night: a line is worth a thousand million at most, which units() can add
    whole(sum(units(least(greatest(coalesce(quantity, 1) * price, 0), 1e9))) filter (weight > 0 and price is not null)) as spent,
    count(price) filter (weight > 0) as prices,
    whole(sum(units(value))) as value_sum,
    count(value) as given,
    max(hidden_until) as hidden_until,
    count(tires_until) as tiring,
    max(tires_until) as tires_until,
    max(after) filter (tires_until is not null) as after
from actions
where user_index >= $first_user and user_index < $users
group by user_index, item_index, day
