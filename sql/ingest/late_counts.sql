-- one row per log file and finished night of which rows, or lines that cannot be read, came too late for it: how many
with late as (
    select _file, own from late_events where is_taken
    union all
    select _file, own from late_lines
),
files as (from event_files)
select files.name, late.own, count(*) as lines
from late
join files using (_file)
group by all
order by all
