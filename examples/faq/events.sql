-- One row per entry that a customer opened after a question.
select
    document_id as event_id, customer as user_id, opened as item_id, written_at as event_time, 'open' as event_type, _file, _row
from raw
where opened is not null
