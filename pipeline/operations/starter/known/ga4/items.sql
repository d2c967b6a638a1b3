-- one row per event and item: what an event says about its item
with events as (
    select
        try(make_timestamptz(try_cast(event_timestamp as bigint))) as arrived_at,
        unnest(try_cast(try_cast(items as json) as json[])) as product,
        _file, _row
    from raw
)
select
    coalesce(nullif(product->>'item_id', '(not set)'), nullif(product->>'item_name', '(not set)')) as item_id,
    nullif(product->>'item_name', '(not set)') as title,
    nullif(
        concat_ws(
            ' > ',
            nullif(product->>'item_category', '(not set)'),
            nullif(product->>'item_category2', '(not set)'),
            nullif(product->>'item_category3', '(not set)')
        ),
        ''
    ) as category,
    product->>'price' as price,
    arrived_at,
    _file, _row
from events
