-- one row per log file and finished night of which rows, or lines that cannot be read, came too late for it: how many, and how
-- many rows that the mapping leaves out
with late as (from late_entries where is_taken),
files as (from event_files)
select
    files.name, late.own,
    count(*) filter (late.what <> 'left out') as lines,
    count(*) filter (late.what = 'left out') as left_out
from late
join files using (_file)
group by all
order by all
