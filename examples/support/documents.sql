-- One row per message; its intent, where somebody gave it one.
select
    message_id as document_id, text, written_at as time, customer as author, 'chat' as channel, 'question' as kind, 'en' as language,
    {'intent': intent} as labels,
    _file, _row
from raw
