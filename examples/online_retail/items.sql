-- one row per invoice line: what it says about its product
-- On a sale the description is the product's name. On a line without a price it may be a stock-keeper's note ("damaged",
-- "?", "wrongly coded", "POSSIBLE DAMAGES OR LOST?"): there only capitals of at least two words that are none of his count.
with lines as (
    select
        *,
        trim(Description) as name,
        coalesce(try_cast(UnitPrice as double) > 0, false) as sold
    from raw
    where regexp_matches(StockCode, '^[0-9]{5}')
)
select
    StockCode as item_id,
    case
        when sold and regexp_matches(name, '[A-Za-z]{3}') then name
        when name = upper(name)
            and regexp_matches(name, '[A-Z]{3,}.* .*[A-Z]{3,}')
            and not regexp_matches(name, '\?|DAMAG|LOST|MISSING|FOUND|SOLD AS|DOTCOM SETS|CREDIT|ERROR|ADJUST|WRONG|CODED|CHECK')
        then name
    end as title,
    'GBP' as currency,
    'product' as kind,
    try_cast(InvoiceDate as timestamp) at time zone 'Europe/London' as arrived_at,
    _file
from lines
