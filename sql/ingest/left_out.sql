-- table staged_left_out: one row per row of the log of which the mapping makes no event, and the night it arrived: the day in
-- its file's name, whatever order the file is in; where it speaks of several or of none, that of the row before it (the first
-- one: of the next)
create or replace table staged_left_out as
with files as (from log_files),
left_out as materialized (select _file, _row from raw anti join staged_events using (_row)),
placed as (
    select left_out._file, left_out._row, files.first_day, files.first_day = files.last_day as is_daily
    from left_out
    left join files using (_file)
),
looked_up as (select distinct _file from placed where is_daily is distinct from true),
nights as (select _file, _row, min(arrival) as arrival from staged_events semi join looked_up using (_file) group by all)
select
    placed._file, placed._row,
    coalesce(
        case when placed.is_daily then placed.first_day end, before.arrival, after.arrival, placed.first_day, $fallback::date
    ) as arrival
from placed
asof left join nights as before on placed._file = before._file and placed._row >= before._row
asof left join nights as after on placed._file = after._file and placed._row < after._row
