-- table asked: one row per query asked in the $days days up to the cut-off day, by whom, on what day, and the item chosen after it
-- (item_index null: none, or one that nobody knows), from what had arrived by $arrived_by
create or replace table asked as
with events as (from events),
event_types as (from event_types),
item_index as (from item_index),
searched as (from searched)
select
    events.query,
    item_index.item_index,
    coalesce('u' || events.user_id, 's' || events.session_id) as who,
    events.day
from events
join event_types using (event_type)
join item_index using (item_id)
where
    events.query is not null
    and length(events.query) <= 200
    and events.arrival <= $arrived_by::date
    and events.day > $cutoff_day - $days
    and events.day <= $cutoff_day
    and event_types.weight > 0
union all
select searched.query, item_index.item_index, searched.who, searched.day
from searched
left join item_index using (item_id)
where searched.day > $cutoff_day - $days and searched.day <= $cutoff_day
