-- table written_lines: one row per event, row that the mapping leaves out, or line that cannot be read, of a night of the range, of the log
-- files and nights of which another night holds late ones: the night that it is of, its place in its file as refused rows have
-- it, and its event's id
create or replace table written_lines as
with files as (from event_files),
late as (select event, own from late_events where is_taken),
lines as (select _file, list(line order by line) as lines from staged_lines group by _file),
events as (
    select
        files.name as file, coalesce(late.own, staged.arrival) as own, staged.arrival,
        place_in_file(staged._row - files.first_row + 1, lines.lines) as row,
        case when staged.reason is null then staged.event_id end as event_id
    from (select rowid as event, _file, _row, arrival, reason, event_id from staged_events) as staged
    join files using (_file)
    left join lines using (_file)
    left join late using (event)
),
unread as (
    select files.name as file, coalesce(late.own, staged.arrival) as own, staged.arrival, staged.line as row, null as event_id
    from staged_lines as staged
    join files using (_file)
    left join late_lines as late using (_file, line)
),
left_out as (
    select
        files.name as file, coalesce(late.own, staged.arrival) as own, staged.arrival,
        place_in_file(staged._row - files.first_row + 1, lines.lines) as row, null as event_id
    from staged_left_out as staged
    join files using (_file)
    left join lines using (_file)
    left join (select own, _row from late_events where event is null) as late using (_row)
),
written as (
    from events
    union all
    from left_out
    union all
    from unread
)
select *
from written
semi join held using (file, own)
where arrival between $first::date and $last::date
