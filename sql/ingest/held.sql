-- table held: one row per night that stays as it is, log file (and what that night calls it) and night of which it took or refused
-- rows that were too late for it: how many, and how many that the mapping leaves out
create or replace table held as
with records as (
    select
        unnest($nights::date[]) as night,
        unnest($names::varchar[]) as said,
        unnest($own::date[]) as own,
        unnest($lines::bigint[]) as lines,
        unnest($left_out::bigint[]) as left_out
)
select records.night, coalesce(renamed.name, records.said) as file, records.said, records.own, records.lines, records.left_out
from records
left join renamed_files as renamed
    on records.night = renamed.night and records.said = renamed.said and renamed.is_first
