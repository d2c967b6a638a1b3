-- table item_log: one row per night and title of an item, with what else its logs said; the night's later title has the
-- greater `place`
-- A price that is no number, infinite or beyond what the events' contract allows is as if nobody had said any.
create or replace table item_log as
-- Nights that were loaded before items had days or parents say of none.
with partitions as (
    from read_parquet($partitions, hive_partitioning = true, file_row_number = true, union_by_name = true)
    union all by name
    select null::varchar as parent_id, null::date as valid_from, null::date as valid_until where false
)
select
    item_id, title, text, category,
    case when abs(price) <= 1e9 then price end as price,
    currency, kind, parent_id, available, valid_from, valid_until, rows,
    run_date::date as arrival,
    file_row_number as place
from partitions
