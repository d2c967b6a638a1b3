-- table other_nights: one row per event in the partition of another night that bears the id of a staged one, and that night;
-- what it is of is not read
create or replace table other_nights as
with staged as (select event_id from staged_events where reason is null and arrival <= $last::date),
partitions as (select unnest($paths::varchar[]) as filename, unnest($nights::date[]) as night),
taken as (
    select event_id, filename
    from read_parquet($partitions, filename = true, hive_partitioning = false)
    semi join staged using (event_id)
)
select
    taken.event_id, partitions.night,
    null::struct(user_id varchar, item_id varchar, event_time timestamptz, event_type varchar) as what
from taken
join partitions using (filename)
