-- table events: one row per event that arrived by the run date
create or replace table events as
with partitions as (from read_parquet($partitions, hive_partitioning = true))
select
    event_id, user_id, item_id, event_type, value, quantity,
    case when abs(price) <= 1e9 then price end as price, -- not a number, infinite: no price
    session_id,
    rank_shown,
    as_asked(query) as query,
    date_diff('day', date '1970-01-01', event_time::date) as day,
    (date_diff('day', date '1970-01-01', event_time::date) * 24 + hour(event_time))::integer as hour, -- of the days' clock, since 1970
    run_date::date as arrival
from partitions
