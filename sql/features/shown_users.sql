-- table shown_users: one row per user who was shown something: the first night on which that arrived
create or replace table shown_users as
with partitions as (from read_parquet($partitions, hive_partitioning = true)),
showing as (select event_type from event_types where shown)
select partitions.user_id, min(partitions.run_date::date) as arrival
from partitions
semi join showing on showing.event_type = partitions.event_type
where partitions.user_id is not null
group by partitions.user_id
