-- one row per product, and one per coupon and day on which a campaign of it begins
select
    item as item_id,
    kind,
    title,
    "text",
    category,
    try_cast("time" as timestamp) at time zone 'UTC' as arrived_at,
    try_cast("until" as date) as valid_until,
    _file
from raw
