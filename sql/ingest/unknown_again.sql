-- one row per log file whose rows of finished nights are not those that were read then: its name, how many the lake lacks
with late as (from late_entries),
files as (from event_files)
select files.name, count(*) as events
from late
join files using (_file)
where not late.is_taken
group by files.name
order by files.name
