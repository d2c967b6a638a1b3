-- one row per thing that a person did with a question
select
    site || '-' || user_id as user_id,  -- null: a deleted account
    site || '-' || question_id as item_id,
    try_cast(event_time as timestamptz) as event_time,
    event_type,
    _file,
    _row
from raw
