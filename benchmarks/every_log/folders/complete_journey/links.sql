-- one row per coupon, product it covers, and campaign: known from its first day
select
    coupon as item_id,
    product as linked_id,
    try_cast(begins as timestamp) at time zone 'UTC' as arrived_at,
    _file
from raw
