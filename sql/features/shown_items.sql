-- table shown_items: one row per item that somebody was shown, known or not: the first night on which that arrived
create or replace table shown_items as
with partitions as (from read_parquet($partitions, hive_partitioning = true)),
showing as (select event_type from event_types where shown)
select partitions.item_id, min(partitions.run_date::date) as arrival
from partitions
semi join showing on showing.event_type = partitions.event_type
group by partitions.item_id
