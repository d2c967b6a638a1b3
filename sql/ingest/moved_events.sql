-- table moved_events: one row per event of a later night that is a line of written_lines, not another line that repeats it, and
-- the log file and night of its line: no more than what that night says it took late. A line that the night refused is not
-- where it has the event from, unless there is no other.
create or replace table moved_events as
with written as (select distinct file, own, arrival, row, event_id from written_lines where event_id is not null),
refused as (select night, file, own, sum(lines) as lines from moved_rejects group by all),
found as (
    select
        held.night, written.file, written.own, written.event_id, any_value(held.lines) as lines,
        bool_and(moved.row is not null) as is_refused
    from written
    join other_nights using (event_id)
    join held on other_nights.night = held.night and written.file = held.file and written.own = held.own
    left join moved_rejects as moved
        on moved.night = held.night and moved.file = written.file and moved.row = written.row
    where held.night > written.arrival
    group by held.night, written.file, written.own, written.event_id
),
counted as (
    select
        found.night, found.file, found.own, found.event_id, found.lines - coalesce(refused.lines, 0) as held,
        row_number() over (
            partition by found.night, found.file, found.own order by found.is_refused, found.event_id
        ) as number
    from found
    left join refused on refused.night = found.night and refused.file = found.file and refused.own = found.own
)
select distinct on (night, event_id) night, file, own, event_id
from counted
where number <= held
order by night, event_id, file, own
