-- table duplicates: one row per staged event that was already taken, earlier that night or on an earlier one. A row of the
-- log may become several events, so it is the staged row's own number (rowid) that says which.
create or replace table duplicates as
with staged as (
    select rowid as event, event_id, arrival from staged_events where reason is null and arrival <= $last::date
),
taken as (from other_nights),
repeated as (select event_id from staged group by event_id having count(*) > 1),
numbered as (
    select
        rowid as event,
        -- of one log row's events with the same id the one that is first by what it says, in whatever order they come
        row_number() over (
            partition by event_id order by arrival, _row, md5_number(to_json(staged_events)::varchar)
        ) as occurrence
    from staged_events
    semi join repeated using (event_id)
    where reason is null and arrival <= $last::date
)
select event from numbered where occurrence > 1
union
select staged.event from staged join taken on staged.event_id = taken.event_id and taken.night < staged.arrival
