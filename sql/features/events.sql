-- table events: one row per event that arrived by the run date
create or replace table events as
with partitions as (from read_parquet($partitions, hive_partitioning = true))
select
    event_id, user_id, item_id, event_type, value, quantity,
    case when abs(price) <= 1e9 then price end as price, -- not a number, infinite: no price
    session_id,
    -- an application looks a query up by the same three steps: see sql/README.md
    nullif(trim(regexp_replace(lower(nfc_normalize(query)), '\s+', ' ', 'g')), '') as query,
    event_time::date - date '1970-01-01' as day,
    floor(epoch(event_time::timestamp) / 3600)::integer as hour, -- of the days' clock, since 1970
    run_date::date as arrival
from partitions
