-- table user_days: one row per user and day with a positive action
create or replace table user_days as
select
    user_index,
    day,
    sum(actions) as actions,
    count(*) as items,
    whole(sum(units(price_sum))) as price_sum,
    sum(prices) as prices
from user_item_days
where actions > 0 and user_index >= $first_user and user_index < $users
group by user_index, day
