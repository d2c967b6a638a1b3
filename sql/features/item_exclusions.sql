-- table item_exclusions: one row per night and exclusion that its logs named
create or replace table item_exclusions as
with partitions as (from read_parquet($partitions, hive_partitioning = true))
select user_id, item_id, valid_until, run_date::date as arrival from partitions
