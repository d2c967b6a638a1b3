-- One row per text: what readers choose from, known from the moment it was written.
select news_id as item_id, text as title, string_split(companies, '|')[1] as category, written_at as arrived_at, _file
from raw
