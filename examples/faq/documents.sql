-- One row per question or answer, and one per answer that resolved a question.
select
    document_id, text, written_at as time, customer as author, kind, thread as thread_id, 'en' as language,
    {'resolved': resolved} as labels,
    known_at as arrived_at, _file, _row
from raw
