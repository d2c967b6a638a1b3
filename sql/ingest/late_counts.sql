-- one row per log file and finished night of which rows, or lines that cannot be read, came too late for it: how many, and how many rows that the mapping
-- leaves out
with late as (
    select _file, own, event is null as is_left_out from late_events where is_taken
    union all
    select _file, own, false from late_lines
),
files as (from event_files)
select
    files.name, late.own, count(*) filter (not is_left_out) as lines, count(*) filter (is_left_out) as left_out
from late
join files using (_file)
group by all
order by all
