-- table in_front: one row per log file of which a finished night read rows: how many of its rows, and of its lines that cannot be
-- read, are of nights that are not finished, stand where that night read others, and were not there then. Each has pushed one
-- behind.
create or replace table in_front as
with starts as (from raw_files),
files as (from log_files),
records as (
    select
        unnest($names::varchar[]) as name,
        unnest($rows::bigint[]) as rows,
        unnest($lines::bigint[]) as lines,
        unnest($kept_rows::bigint[]) as kept_rows,
        unnest($kept_lines::bigint[]) as kept_lines
),
read as (
    select
        files._file,
        max(records.rows) as rows,
        max(records.lines) as lines,
        -- a night between them that is finished by now has those that were kept for it
        min(records.kept_rows) filter (records.rows = latest.rows) as kept_rows,
        min(records.kept_lines) filter (records.rows = latest.rows) as kept_lines
    from records
    join (select name, max(rows) as rows from records group by name) as latest using (name)
    join files using (name)
    group by files._file
),
staged as (
    select _file, _row, arrival from staged_events
    union all
    select _file, _row, arrival from staged_left_out
),
-- of all rows those of which every event is of a night that is not finished
open_rows as (
    select staged._file, staged._row
    from staged
    left join decided using (_file, arrival)
    group by staged._file, staged._row
    having count(decided.arrival) = 0
),
rows_in_front as (
    select open_rows._file, count(*) as rows
    from open_rows
    join starts using (_file)
    join read using (_file)
    where open_rows._row - starts.first_row + 1 <= read.rows
    group by open_rows._file
),
lines_in_front as (
    select open_lines._file, count(*) as lines
    from (from staged_lines anti join decided using (_file, arrival)) as open_lines
    join read using (_file)
    where open_lines.number <= read.lines
    group by open_lines._file
)
select
    read._file,
    greatest(coalesce(rows_in_front.rows, 0) - read.kept_rows, 0) as rows,
    greatest(coalesce(lines_in_front.lines, 0) - read.kept_lines, 0) as lines
from read
left join rows_in_front using (_file)
left join lines_in_front using (_file)
