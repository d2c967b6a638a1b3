-- view log_entries: one row per event of the log, row that the mapping leaves out, and line that cannot be read (what, and by
-- which number among them): its file, its place there among its like, the night it arrives, and whether that is only the rows'
-- beside it
create or replace view log_entries as
with files as (
    select _file, name, first_row, (first_day = last_day) is distinct from true as is_of_several_days from event_files
)
select
    'event' as what, staged.event as number, staged._file, files.name, staged._row - files.first_row + 1 as place,
    staged.arrival, nightless.event is not null as is_nightless, staged.event_id, staged.reason
from (select rowid as event, event_id, reason, arrival, _file, _row from staged_events) as staged
join files using (_file)
left join nightless using (event)
union all
select
    'left out', staged._row, staged._file, files.name, staged._row - files.first_row + 1,
    staged.arrival, files.is_of_several_days, null, 'left out by the mapping'
from staged_left_out as staged
join files using (_file)
union all
select
    'line', staged.line, staged._file, files.name, staged.number,
    staged.arrival, files.is_of_several_days, null, staged.reason
from staged_lines as staged
join files using (_file)
