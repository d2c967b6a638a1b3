-- one row per customer and product, from the raw logs alone: bought after the first and up to the last of two days
select distinct CustomerID as user_id, StockCode as item_id
from read_csv($files, all_varchar = true)
where CustomerID is not null
    and regexp_matches(StockCode, '^[0-9]{5}')
    and try_cast(Quantity as double) > 0
    and try_cast(InvoiceDate as timestamp) >= cast($after as date) + interval 1 day
    and try_cast(InvoiceDate as timestamp) < cast($until as date) + interval 1 day
