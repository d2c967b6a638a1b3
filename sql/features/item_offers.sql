-- table item_offers: one row per night and offer that its logs named
create or replace table item_offers as
with partitions as (from read_parquet($partitions, hive_partitioning = true))
select user_id, item_id, run_date::date as arrival from partitions
