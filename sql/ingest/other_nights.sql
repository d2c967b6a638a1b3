-- table other_nights: one row per event in the partition of another night that bears the id of a staged one, and that night
create or replace table other_nights as
with staged as (select distinct event_id from staged_events where reason is null and arrival <= $last::date),
partitions as (select unnest($paths::varchar[]) as filename, unnest($nights::date[]) as night),
taken as (
    select event_id, filename
    from read_parquet($partitions, filename = true, hive_partitioning = false)
    semi join staged using (event_id)
)
select taken.event_id, partitions.night
from taken
join partitions using (filename)
