-- table item_log: one row per night and thing its logs said about an item
-- A price that is no number, infinite or beyond what the events' contract allows is as if nobody had said any.
create or replace table item_log as
with partitions as (from read_parquet($partitions, hive_partitioning = true))
select * exclude (run_date) replace (case when abs(price) <= 1e9 then price end as price), run_date::date as arrival
from partitions
