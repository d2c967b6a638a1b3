-- one row per line of a basket, and per coupon that was redeemed
select
    household as user_id,
    item as item_id,
    try_cast("time" as timestamp) at time zone 'UTC' as event_time,
    what as event_type,
    quantity,
    try_cast(paid as double) / try_cast(quantity as double) as price,
    basket as session_id,
    case when try_cast(quantity as double) = 0 then 'nothing was bought' end as reject_reason,
    _file,
    _row
from raw
