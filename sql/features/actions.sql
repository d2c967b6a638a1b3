-- table actions: one row per event that tells something (weight not zero) and arrived by $arrived_by
create or replace table actions as
with events as (from events),
event_types as (from event_types),
user_index as (from user_index),
item_index as (from item_index),
weighed as (
    select
        events.*,
        coalesce(event_types.weight * (events.value - event_types.neutral), event_types.weight) as weight,
        event_types.is_label and coalesce(events.value > event_types.neutral, true) as is_label
    from events
    join event_types using (event_type)
)
select
    user_index.user_index,
    item_index.item_index,
    events.day::integer as day,
    events.hour,
    events.event_type,
    events.weight,
    events.is_label,
    events.value,
    events.quantity,
    events.price,
    events.session_id,
    events.event_id
from weighed as events
join item_index using (item_id)
left join user_index using (user_id)
where events.arrival <= $arrived_by::date and (events.weight <> 0 or events.is_label)
