-- table checked: one row per event that a night would take
create or replace table checked as
with staged as (select rowid as event, * from staged_events),
again as (from duplicates),
types as (
    select unnest($types::varchar[]) as event_type, unnest($labels::boolean[]) as label, unnest($neutrals::double[]) as neutral
)
select
    user_id, item_id, event_time, event_time::date as day, event_type, value,
    types.label and (types.neutral is null or value is null or value > types.neutral) as is_goal
from staged
anti join again using (event)
join types using (event_type)
where reason is null
