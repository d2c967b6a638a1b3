-- table written_lines: one row per event, row that the mapping leaves out, or line that cannot be read, of a night of the range,
-- of the log files and nights of which another night holds late ones: the night that it is of, its place in its file as refused
-- rows have it, and its event's id
create or replace table written_lines as
with late as (from late_entries where is_taken),
lines as (select _file, list(line order by line) as lines from staged_lines group by _file),
written as (
    select
        entries._file, entries.name as file, coalesce(late.own, entries.arrival) as own, entries.arrival, entries.what,
        entries.number, entries.place, case when entries.reason is null then entries.event_id end as event_id
    from log_entries as entries
    left join late on entries._file = late._file and entries.what = late.what and entries.number = late.number
    where entries.arrival between $first::date and $last::date and (late.own is not null or not entries.is_nightless)
)
select
    written.file, written.own, written.arrival,
    case when written.what = 'line' then written.number else place_in_file(written.place, lines.lines) end as row,
    written.event_id
from written
semi join held using (file, own)
left join lines using (_file)
