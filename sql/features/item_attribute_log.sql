-- table item_attribute_log: one row per night, item and attribute of which its logs said something
create or replace table item_attribute_log as
with partitions as (from read_parquet($partitions, hive_partitioning = true))
select item_id, name, value, run_date::date as arrival from partitions
