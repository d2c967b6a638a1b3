-- table seen: one row per night and log file of which rows arrive on it, and per file of those that $night reads $again: how
-- many rows, lines that cannot be read, and bytes it has, and what hashes these
create or replace table seen as
with starts as (from raw_files),
files as (from log_files),
sizes as (from log_sizes),
arrived as (
    select distinct arrival, _file from staged_events
    union
    select distinct arrival, _file from staged_lines
    union
    select distinct arrival, _file from staged_left_out
    union
    select $night::date, unnest($again::varchar[])
),
unread as (select _file, count(*) as lines from staged_lines group by _file)
select
    arrived.arrival as night,
    files.name,
    coalesce(starts.last_row - starts.first_row + 1, 0) as rows,
    coalesce(unread.lines, 0) as lines,
    sizes.bytes,
    sizes.hash
from arrived
join files using (_file)
join sizes using (name)
left join starts using (_file)
left join unread using (_file)
