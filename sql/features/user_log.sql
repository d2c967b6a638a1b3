-- table user_log: one row per night, user and attribute of which its logs said something
create or replace table user_log as
with partitions as (from read_parquet($partitions, hive_partitioning = true))
select user_id, name, value, run_date::date as arrival from partitions
