-- table decided: one row per log file and finished night on which rows of it arrive: how many of its rows and unreadable lines
-- that night, and those after it that took or refused any, had seen; and whether they read them as tonight does. Nights up to
-- $unrecorded_until kept no record: they have seen all.
create or replace table decided as
with finished as (select unnest($finished::date[]) as night),
records as (
    select
        unnest($read_by::date[]) as night,
        unnest($names::varchar[]) as said,
        unnest($rows::bigint[]) as rows,
        unnest($lines::bigint[]) as lines
),
known as (
    select records.night, coalesce(renamed.name, records.said) as name, records.rows, records.lines
    from records
    left join renamed_files as renamed on records.night = renamed.night and records.said = renamed.said
),
files as (from log_files),
arrived as (
    select distinct _file, arrival from staged_events
    union
    select distinct _file, arrival from staged_lines
    union
    select distinct _file, arrival from staged_left_out
)
select
    arrived._file,
    arrived.arrival,
    case when arrived.arrival > $unrecorded_until::date then coalesce(max(known.rows), 0) else 9000000000000000000 end as rows,
    case when arrived.arrival > $unrecorded_until::date then coalesce(max(known.lines), 0) else 9000000000000000000 end as lines,
    arrived.arrival > $unlike_until::date as is_alike
from arrived
semi join finished on arrived.arrival = finished.night
join files using (_file)
left join known on files.name = known.name and known.night >= arrived.arrival
group by arrived._file, arrived.arrival
