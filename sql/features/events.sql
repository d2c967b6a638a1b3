-- table events: one row per event that arrived by the run date and can tell something: of a type that weighs, is of the goal, or
-- may hide an item from the user. All others, as of a page that somebody saw, make neither a user nor an item known.
create or replace table events as
with partitions as (from read_parquet($partitions, hive_partitioning = true)),
telling as (
    select event_type
    from event_types
    where weight <> 0 or is_label or hides > 0 or neutral is not null
)
select
    partitions.event_id, partitions.user_id, partitions.item_id, partitions.event_type, partitions.value, partitions.quantity,
    case when abs(partitions.price) <= 1e9 then partitions.price end as price, -- not a number, infinite: no price
    partitions.session_id,
    as_asked(partitions.query) as query,
    date_diff('day', date '1970-01-01', partitions.event_time::date) as day,
    -- of the days' clock, since 1970
    (date_diff('day', date '1970-01-01', partitions.event_time::date) * 24 + hour(partitions.event_time))::integer as hour,
    partitions.run_date::date as arrival
from partitions
semi join telling on telling.event_type = partitions.event_type
