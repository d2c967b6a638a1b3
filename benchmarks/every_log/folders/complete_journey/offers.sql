-- one row per household, coupon it was sent, and campaign: known from its first day
select
    household as user_id,
    coupon as item_id,
    try_cast(begins as timestamp) at time zone 'UTC' as arrived_at,
    try_cast(ends as date) as valid_until,
    _file
from raw
