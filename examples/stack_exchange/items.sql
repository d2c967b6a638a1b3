-- one row per question
select
    site || '-' || question_id as item_id,
    title,
    text,
    string_split(tags, ' ')[1] as category,  -- the first tag is the asker's own choice of a topic
    site as kind,
    try_cast(created_at as timestamptz) as arrived_at,
    _file
from raw
