-- One row per text; its tone, where somebody gave it one, and the companies that it names.
select
    news_id as document_id, text, written_at as time, 'news' as kind, 'en' as language,
    string_split(companies, '|') as entities,
    {'tone': tone} as labels,
    _file, _row
from raw
