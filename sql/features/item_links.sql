-- table item_links: one row per night and link that its logs named
create or replace table item_links as
with partitions as (from read_parquet($partitions, hive_partitioning = true))
select item_id, linked_id, run_date::date as arrival from partitions
