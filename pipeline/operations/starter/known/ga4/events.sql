-- one row per event and item: the events tables that Google Analytics 4 exports to BigQuery (events_YYYYMMDD), as JSON
-- Lines or as Parquet: event_params and items are lists, which JSON Lines has as texts.
with events as (
    select
        coalesce(nullif(user_id, ''), user_pseudo_id) as person,
        user_pseudo_id,
        event_name,
        try(make_timestamptz(try_cast(event_timestamp as bigint))) as event_time,  -- microseconds since 1970
        try_cast(try_cast(event_params as json) as json[]) as params,
        try_cast(try_cast(items as json) as json[]) as products,
        _file, _row
    from raw
    where event_name in (
        'view_item', 'select_item', 'add_to_cart', 'add_to_wishlist', 'purchase', 'refund'
    )
),
products as (
    select *, unnest(case when len(products) > 0 then products else [null] end) as product
    from events
)
select
    person as user_id,
    coalesce(nullif(product->>'item_id', '(not set)'), nullif(product->>'item_name', '(not set)')) as item_id,
    event_time,
    case event_name
        when 'view_item' then 'view'
        when 'select_item' then 'click'
        when 'add_to_cart' then 'cart'
        when 'add_to_wishlist' then 'like'
        when 'refund' then 'return'
        else event_name
    end as event_type,
    product->>'quantity' as quantity,
    product->>'price' as price,
    user_pseudo_id || '.' || (
        list_filter(params, lambda param: param->>'key' = 'ga_session_id')[1]->'value'->>'int_value'
    ) as session_id,
    _file, _row
from products
