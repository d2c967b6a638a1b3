-- one row per row of raw without a single value, as a line has that is no JSON object: its file, and its place in it
with logged as (
    select _file, _row, coalesce(*columns(lambda name: name not in ('_file', '_row'))) as value from raw
),
starts as (from raw_files)
select logged._file, logged._row - starts.first_row + 1 as row
from logged
join starts using (_file)
where logged.value is null
order by all
