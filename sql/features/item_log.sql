-- table item_log: one row per night and thing its logs said about an item
create or replace table item_log as
with partitions as (from read_parquet($partitions, hive_partitioning = true))
select * exclude (run_date), run_date::date as arrival
from partitions
