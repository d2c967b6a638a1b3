-- table earlier_events: one row per event that an earlier night's partition holds
create or replace table earlier_events as
select event_id
from read_parquet($partitions, hive_partitioning = false)
