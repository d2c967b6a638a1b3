-- table impressions: one row per event that says that a known user was shown an item: when, when it arrived, and at which place,
-- $places for all from there on; null where nobody says which
create or replace table impressions as
with partitions as (from read_parquet($partitions, hive_partitioning = true)),
showing as (select event_type from event_types where shown),
user_index as (from user_index),
item_index as (from item_index)
select
    user_index.user_index,
    item_index.item_index,
    date_diff('day', date '1970-01-01', partitions.event_time::date)::integer as day,
    partitions.run_date::date as arrival,
    case when partitions.rank_shown > 0 then least(partitions.rank_shown, $places) end as place
from partitions
semi join showing on showing.event_type = partitions.event_type
join item_index on item_index.item_id = partitions.item_id
join user_index on user_index.user_id = partitions.user_id
