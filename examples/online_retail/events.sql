-- one row per invoice line: a purchase, or the cancellation of one
with lines as (
    select
        *,
        try_cast(Quantity as double) as units,
        try_cast(UnitPrice as double) as unit_price
    from raw
)
select
    -- exact duplicates of a line are one event
    md5(concat_ws('|', InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country)) as event_id,
    CustomerID as user_id,  -- null: a guest
    StockCode as item_id,
    try_cast(InvoiceDate as timestamp) at time zone 'Europe/London' as event_time,
    case when InvoiceNo like 'C%' then 'return' else 'purchase' end as event_type,
    abs(units) as quantity,
    unit_price as price,  -- GBP
    InvoiceNo as session_id,
    case
        when not regexp_matches(StockCode, '^[0-9]{5}') then 'not a product code'
        when units is null then 'quantity is not a number'
        when unit_price is null then 'price is not a number'
        when unit_price = 0 then 'price is zero'
        when unit_price < 0 then 'price is negative'
        when units < 0 and InvoiceNo not like 'C%' then 'stock adjustment'
        when units > 0 and InvoiceNo like 'C%' then 'cancellation with a positive quantity'
    end as reject_reason,
    _file,
    _row
from lines
