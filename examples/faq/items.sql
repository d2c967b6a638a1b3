-- One row per entry of the FAQ: its question.
select thread as item_id, text as title, known_at as arrived_at, _file
from raw
where kind = 'question' and customer is null
