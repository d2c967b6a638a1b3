-- table shown_days: one row per user, item and day on which the user was shown the item, by what arrived by $arrived_by: the
-- best place, $places for all from there on, 0 where nobody says which; and whether the user did something that speaks for it
-- on that day
create or replace table shown_days as
with events as (select *, case when rank_shown > 0 then least(rank_shown, $places) end as place from events),
event_types as (from event_types),
user_index as (from user_index),
item_index as (from item_index),
user_item_days as (from user_item_days),
shown as (
    select
        user_index.user_index,
        item_index.item_index,
        events.day::integer as day,
        coalesce(min(events.place), 0) as place
    from events
    join event_types using (event_type)
    join item_index using (item_id)
    join user_index using (user_id)
    where event_types.shown and events.arrival <= $arrived_by::date
    group by user_index.user_index, item_index.item_index, events.day
)
select shown.user_index, shown.item_index, shown.day, shown.place, coalesce(user_item_days.actions > 0, false) as acted
from shown
left join user_item_days
    on user_item_days.user_index = shown.user_index
    and user_item_days.item_index = shown.item_index
    and user_item_days.day = shown.day
