-- one row per click; a day is New York's, so the clock is its wall's
select
    click as event_id,
    reader as user_id,
    article as item_id,
    try_cast("time" as timestamptz) at time zone 'America/New_York' at time zone 'UTC' as event_time,
    'click' as event_type,
    _file,
    _row
from raw
