-- table actions: one row per event that tells something and arrived by $arrived_by: what weighs, is of the goal, or hides
-- an item from the user
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
),
lasting as (
    select
        weighed.*,
        event_types.after,
        event_types.caps,
        -- what speaks against an item and what rates it hide it for ever, unless the type says for how long
        coalesce(event_types.hides, if(weighed.weight < 0 or weighed.value >= event_types.neutral, event_types.ever, 0)) as hides
    from weighed
    join event_types using (event_type)
),
hiding as (
    select *, if(weight <= 0 and hides > 0, day + hides - 1, null)::integer as counts_until
    from lasting
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
    events.event_id,
    if(events.after = 1 and not events.caps, events.counts_until, null) as hidden_until,
    if(events.after > 1 and not events.caps, events.counts_until, null) as tires_until,
    if(events.caps, events.counts_until, null) as capped_until,
    events.after
from hiding as events
join item_index using (item_id)
left join user_index using (user_id)
where events.arrival <= $arrived_by::date and (events.weight <> 0 or events.is_label or events.counts_until is not null)
