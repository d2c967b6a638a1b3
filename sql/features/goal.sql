-- table event_types: where nothing of the goal ever arrived, every behaviour that speaks for an item is the goal
create or replace table event_types as
with seen as (select distinct event_type from events),
reached as (select coalesce(bool_or(is_label), false) as goal from event_types semi join seen using (event_type))
select event_type, weight, neutral, hides, after, caps, ever, shown, is_label or (not goal and weight > 0) as is_label
from event_types, reached;
-- one row per type that is the goal now
select event_type from event_types where is_label order by event_type
