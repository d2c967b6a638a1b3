-- table counted: one row per finished night that reads as tonight does, log file, night that entries of it are of (null: nothing
-- says it but the rows beside them) and kind of them: how many the night has counted
create or replace table counted as
with records as (
    select
        unnest($nights::date[]) as night,
        unnest($names::varchar[]) as said,
        unnest($own::date[]) as own,
        unnest($what::varchar[]) as what,
        unnest($numbers::bigint[]) as number
),
files as (from event_files)
select records.night, files._file, records.own, records.what, records.number
from records
left join renamed_files as renamed on records.night = renamed.night and records.said = renamed.said
join files on files.name = coalesce(renamed.name, records.said)
