-- table other_nights: those of its rows that have the id of an event which arrives in the range, with who did what with which
-- item, and when; $partitions are those that have any
create or replace table other_nights as
with staged as (
    select event_id from staged_events where reason is null and arrival between $first::date and $last::date
),
found as (select distinct event_id from other_nights semi join staged using (event_id)),
partitions as (select unnest($paths::varchar[]) as filename, unnest($nights::date[]) as night),
taken as (
    select
        filename, event_id,
        {'user_id': user_id, 'item_id': item_id, 'event_time': event_time, 'event_type': event_type} as what
    from read_parquet($partitions, filename = true, hive_partitioning = false)
    semi join found using (event_id)
)
select taken.event_id, partitions.night, taken.what
from taken
join partitions using (filename)
