-- table staged_left_out: one row per row of the log of which the mapping makes no event, and the night it arrived: the day in
-- its file's name, whatever order the file is in; where it speaks of several or of none, that of the row before it (the first
-- one: of the next)
create or replace table staged_left_out as
with nights as (select _file, _row, min(arrival) as arrival from staged_events group by all),
files as (from log_files),
left_out as (select _file, _row from raw anti join nights using (_row))
select
    left_out._file, left_out._row,
    coalesce(
        case when files.first_day = files.last_day then files.first_day end,
        before.arrival, after.arrival, files.first_day, $fallback::date
    ) as arrival
from left_out
left join files using (_file)
asof left join nights as before on left_out._file = before._file and left_out._row >= before._row
asof left join nights as after on left_out._file = after._file and left_out._row < after._row
