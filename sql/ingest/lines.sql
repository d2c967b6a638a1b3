-- table staged_lines: one row per line that could not be read, with its number among its file's, and the night it arrived: the day
-- in its file's name, whatever order the file is in; where that speaks of several or of none, that of the row before it (the first
-- one: of the next)
create or replace table staged_lines as
with starts as (from raw_files),
files as (select *, first_day = last_day as is_daily from log_files),
looked_up as (select distinct _file from unreadable),
nights as (select _file, _row, min(arrival) as arrival from staged_events semi join looked_up using (_file) group by all),
numbered as (
    select *, row_number() over (partition by _file order by line) as number
    from unreadable
),
placed as (
    select numbered.*, starts.first_row + numbered.line - numbered.number - 1 as _row -- of the last readable row before it
    from numbered
    left join starts using (_file)
)
select
    placed._file, placed.line, placed.number, placed.reason, placed.raw,
    coalesce(
        case when files.is_daily then files.first_day end, before.arrival, after.arrival, files.first_day, $fallback::date
    ) as arrival
from placed
left join files using (_file)
asof left join nights as before on placed._file = before._file and placed._row >= before._row
asof left join nights as after on placed._file = after._file and placed._row < after._row
