-- one row per product, and two per coupon and campaign: when it begins and when it is over
select
    item as item_id,
    kind,
    title,
    "text",
    category,
    try_cast("time" as timestamp) at time zone 'UTC' as arrived_at,
    try_cast(available as boolean) as available,
    _file
from raw
