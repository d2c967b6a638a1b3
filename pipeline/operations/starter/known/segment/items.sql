-- one row per call and product: what a call says about its product
with calls as (
    select
        try_cast(coalesce("timestamp", originalTimestamp, receivedAt) as timestamptz) as arrived_at,
        try_cast(properties as json) as properties,
        _file, _row
    from raw
    where coalesce(type, 'track') = 'track'
),
products as (
    select
        arrived_at,
        unnest(coalesce(try_cast(properties->'products' as json[]), [properties])) as product,
        _file, _row
    from calls
)
select
    coalesce(nullif(product->>'product_id', ''), nullif(product->>'id', ''), nullif(product->>'sku', '')) as item_id,
    product->>'name' as title,
    product->>'category' as category,
    product->>'price' as price,
    arrived_at,
    _file, _row
from products
where coalesce(product->>'name', product->>'category', product->>'price') is not null
