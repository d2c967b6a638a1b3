-- one row per behaviour towards an article
select
    -- exact duplicates of a row are one event
    md5(concat_ws('|', "timestamp", eventType, contentId, personId, sessionId)) as event_id,
    personId as user_id,
    contentId as item_id,
    make_timestamptz(try_cast("timestamp" as bigint) * 1000000) as event_time,  -- seconds since 1970
    case eventType when 'COMMENT CREATED' then 'comment' else lower(eventType) end as event_type,
    sessionId as session_id,
    _file,
    _row
from raw
