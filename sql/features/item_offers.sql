-- table item_offers: one row per night and offer that its logs named
create or replace table item_offers as
-- Nights that were loaded before offers had an end say of none.
with partitions as (
    from read_parquet($partitions, hive_partitioning = true, union_by_name = true)
    union all by name
    select null::date as valid_until where false
)
select user_id, item_id, valid_until, run_date::date as arrival from partitions
