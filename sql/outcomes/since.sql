-- table since: one row per event of a user after the oldest judged night that is an action some surface recommends for, or
-- says which run it was shown by; the only pass over events. What had arrived by a judged night is kept apart later.
create or replace table since as
with event_types as (
    select unnest($names::varchar[]) as event_type, unnest($labels::boolean[]) as is_label,
        unnest($neutral::double[]) as neutral
)
select
    events.user_id,
    events.item_id,
    events.event_time::date as day,
    events.run_date::date as arrival,
    events.event_type,
    coalesce(events.value > event_types.neutral, true) as speaks_for,
    event_types.is_label and speaks_for as is_label,
    list_contains($click_types::varchar[], events.event_type) as is_click,
    events.surface,
    events.run_id_shown
from read_parquet($partitions, hive_partitioning = true) as events
join event_types using (event_type)
where events.user_id is not null
    and events.event_time::date between $oldest::date + 1 and $run_date::date
    and (
        event_types.is_label
        or events.run_id_shown is not null
        or list_contains($goal_types::varchar[], events.event_type)
    )
