-- one row per interaction: the Item interactions dataset of Amazon Personalize, of the domains and of custom schemas.
-- Columns that your schema does not have are null; take them out here, and no warning names them.
select
    USER_ID as user_id,
    ITEM_ID as item_id,
    try(make_timestamptz(try_cast("TIMESTAMP" as bigint) * 1000000)) as event_time,  -- seconds since 1970
    case lower(regexp_replace(coalesce(EVENT_TYPE, ''), '[^A-Za-z]', '', 'g'))
        when '' then 'interaction'
        when 'view' then 'view'
        when 'click' then 'click'
        when 'addtocart' then 'cart'
        when 'cart' then 'cart'
        when 'purchase' then 'purchase'
        when 'watch' then 'watch'
        when 'like' then 'like'
        when 'rating' then 'rating'
        else EVENT_TYPE  -- refused, unless pipeline.toml knows it
    end as event_type,
    EVENT_VALUE as value,
    _file, _row
from raw
