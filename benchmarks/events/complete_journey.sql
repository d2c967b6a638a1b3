-- one row per line of a basket, and per coupon that was redeemed, from the raw logs alone
select
    household as user_id,
    item as item_id,
    cast("time" as timestamp) as "time",
    cast(1 as double) as weight
from read_csv($files, all_varchar = true)
where coalesce(cast(quantity as double), 1) > 0
    and cast("time" as timestamp) >= cast($after as date) + interval 1 day
    and cast("time" as timestamp) < cast($until as date) + interval 1 day
order by all
