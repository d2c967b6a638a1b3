-- one row: how many rows, and lines that cannot be read, of the log files that were read arrive on later nights than the last
-- that is written, and on which; and of the files that can be the last night's, how many later than the day after it, and the
-- file of the latest
with rows as (
    select arrival, _file from staged_events where arrival > $last::date
    union all
    select arrival, _file from staged_lines where arrival > $last::date
),
files as (from event_files)
select
    count(*) as rows,
    min(rows.arrival) as first,
    max(rows.arrival) as last,
    count(*) filter (rows.arrival > $last::date + 1 and coalesce(files.first_day, $last::date) <= $last::date) as far,
    arg_max(files.name, rows.arrival) filter (coalesce(files.first_day, $last::date) <= $last::date) as file
from rows
join files using (_file)
