-- One row per page of the help centre that was opened: its name in words.
select opened as item_id, replace(opened, '_', ' ') as title, written_at as arrived_at, _file
from raw
where opened is not null
