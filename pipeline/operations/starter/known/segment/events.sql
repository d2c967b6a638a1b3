-- one row per call and product: track calls of Segment, by its e-commerce spec (V2, and V1's names of events)
with calls as (
    select
        messageId,
        coalesce(nullif(userId, ''), anonymousId) as person,
        try_cast(coalesce("timestamp", originalTimestamp, receivedAt) as timestamptz) as event_time,
        case event
            when 'Product Viewed' then 'view'
            when 'Viewed Product' then 'view'
            when 'Product Clicked' then 'click'
            when 'Product Added' then 'cart'
            when 'Added Product' then 'cart'
            when 'Product Added to Wishlist' then 'like'
            when 'Product Shared' then 'share'
            when 'Product Reviewed' then 'rating'
            when 'Order Completed' then 'purchase'
            when 'Completed Order' then 'purchase'
            when 'Order Refunded' then 'return'
        end as kind,
        try_cast(properties as json) as properties,
        _file, _row
    from raw
    where coalesce(type, 'track') = 'track'
),
lists as (
    select
        *,
        case
            when kind not in ('purchase', 'return') then [properties]  -- the call is about one product
            when json_array_length(properties->'products') > 0 then try_cast(properties->'products' as json[])
            else [null]  -- an order without products: refused, as it has no item
        end as products
    from calls
    where kind is not null
),
products as (
    select *, unnest(products) as product, generate_subscripts(products, 1) as place
    from lists
)
select
    messageId || ':' || place as event_id,  -- a call that is sent again is one
    person as user_id,
    coalesce(nullif(product->>'product_id', ''), nullif(product->>'id', ''), nullif(product->>'sku', '')) as item_id,
    event_time,
    kind as event_type,
    product->>'quantity' as quantity,
    product->>'price' as price,
    case when kind = 'rating' then product->>'rating' end as value,
    properties->>'order_id' as session_id,
    _file, _row
from products
