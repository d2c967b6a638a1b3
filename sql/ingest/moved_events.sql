-- table moved_events: one row per event of a later night that is a line of written_lines, not another line that repeats it: no
-- more than what that night says it took late
create or replace table moved_events as
with written as (select distinct file, own, arrival, event_id from written_lines where event_id is not null),
refused as (select night, file, own, sum(lines) as lines from moved_rejects group by all),
counted as (
    select
        held.night, written.event_id, held.lines - coalesce(refused.lines, 0) as held,
        row_number() over (partition by held.night, held.file, held.own order by written.event_id) as number
    from written
    join other_nights using (event_id)
    join held on other_nights.night = held.night and written.file = held.file and written.own = held.own
    left join refused on refused.night = held.night and refused.file = held.file and refused.own = held.own
    where held.night > written.arrival
)
select distinct night, event_id
from counted
where number <= held
