-- table staged_left_out: one row per row of the log of which the mapping makes no event, and the night it arrived: that of the
-- row before it in its file (the first one: of the next), else the day in the file's name
create or replace table staged_left_out as
with nights as (select _file, _row, min(arrival) as arrival from staged_events group by all),
files as (from log_files),
left_out as (select _file, _row from raw anti join nights using (_row))
select
    left_out._file, left_out._row,
    coalesce(before.arrival, after.arrival, files.first_day, $fallback::date) as arrival
from left_out
left join files using (_file)
asof left join nights as before on left_out._file = before._file and left_out._row >= before._row
asof left join nights as after on left_out._file = after._file and left_out._row < after._row
