-- table displaced: one row per event of a later night's partition whose id is that of an event which arrives on one of the
-- nights that are being written, and the reason to refuse it, as in duplicates; null where it is the same line of the log
create or replace table displaced as
with first_ones as (
    select
        event_id, arrival,
        {'user_id': user_id, 'item_id': item_id, 'event_time': event_time, 'event_type': event_type} as original
    from (select rowid as event, * from staged_events)
    anti join duplicates using (event)
    where reason is null and arrival between $first::date and $last::date
)
select
    other_nights.night, event_id,
    case
        when moved.event_id is not null then null
        when original.user_id <> what.user_id or original.item_id <> what.item_id
            or original.event_time <> what.event_time or original.event_type <> what.event_type
            then 'its event_id is another event''s'
        else 'duplicate of an earlier event'
    end as reason
from other_nights
join first_ones using (event_id)
left join moved_events as moved using (night, event_id)
where other_nights.night > first_ones.arrival
