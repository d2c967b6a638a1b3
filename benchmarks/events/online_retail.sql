-- one row per invoice line that sells a product to a known customer, from the raw logs alone
select
    CustomerID as user_id,
    StockCode as item_id,
    try_cast(InvoiceDate as timestamp) as time,  -- the shop's local time
    cast(1 as double) as weight
from read_csv($files, all_varchar = true)
where CustomerID is not null
    and regexp_matches(StockCode, '^[0-9]{5}')
    and try_cast(Quantity as double) > 0
    and try_cast(InvoiceDate as timestamp) >= cast($after as date) + interval 1 day
    and try_cast(InvoiceDate as timestamp) < cast($until as date) + interval 1 day
order by all
