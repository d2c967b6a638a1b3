-- table duplicates: one row per staged event whose id was taken before, by an event that is first that night or of an earlier
-- night, and the reason to refuse it. Who did what with which item, and when, makes an event: where that differs, it is no
-- repetition but another event under the same id. A row of the log may become several events, so it is the staged row's own
-- number (rowid) that says which.
create or replace table duplicates as
with staged as (
    select rowid as event, event_id, arrival from staged_events where reason is null and arrival <= $last::date
),
taken as (select distinct on (event_id) event_id, night, what from other_nights order by event_id, night),
taken_before as (
    select staged.event, taken.what as original
    from staged
    join taken on staged.event_id = taken.event_id and taken.night < staged.arrival
),
repeated as (select event_id from staged group by event_id having count(*) > 1),
numbered as (
    select
        rowid as event,
        row_number() over earliest as occurrence,
        first_value(
            {'user_id': user_id, 'item_id': item_id, 'event_time': event_time, 'event_type': event_type}
        ) over earliest as original
    from staged_events
    semi join repeated using (event_id)
    where reason is null and arrival <= $last::date
    -- of the same event the row that is first in the log; of one log row's events with the same id the one that is first by
    -- what it says, in whatever order they come
    window earliest as (
        partition by event_id
        order by
            arrival, event_time, user_id, item_id, event_type, _row, md5_number(to_json(staged_events)::varchar)
    )
),
repetitions as (
    from taken_before
    union all
    select event, original from numbered anti join taken_before using (event) where occurrence > 1
)
select
    event,
    case
        -- a repetition may know who it was, or no longer: null is no other user
        when original.user_id <> user_id or original.item_id <> item_id
            or original.event_time <> event_time or original.event_type <> event_type
            then 'its event_id is another event''s'
        else 'duplicate of an earlier event'
    end as reason
from repetitions
join (select rowid as event, user_id, item_id, event_time, event_type from staged_events) using (event)
