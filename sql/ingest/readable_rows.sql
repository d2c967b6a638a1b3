-- table raw: its rows without those of $paths and $rows, which could not be read, numbered anew
create or replace table raw as
with broken as (select unnest($paths::varchar[]) as _file, unnest($rows::bigint[]) as row),
starts as (from raw_files),
places as (select starts.first_row + broken.row - 1 as _row from broken join starts using (_file))
select raw.* exclude (_row), row_number() over (order by raw._row) as _row
from raw
anti join places using (_row)
