-- table seen: one row per night and log file of which rows arrive on it: how many rows it has, and lines that cannot be read
create or replace table seen as
with starts as (from raw_files),
files as (from log_files),
arrived as (
    select distinct arrival, _file from staged_events
    union
    select distinct arrival, _file from staged_lines
),
unread as (select _file, count(*) as lines from staged_lines group by _file)
select
    arrived.arrival as night,
    files.name,
    coalesce(starts.last_row - starts.first_row + 1, 0) as rows,
    coalesce(unread.lines, 0) as lines
from arrived
join files using (_file)
left join starts using (_file)
left join unread using (_file)
