-- One row per text that a reader opened.
select reader || ' ' || news_id as event_id, reader as user_id, news_id as item_id, read_at as event_time, 'read' as event_type, _file, _row
from raw
