-- table displaced: one row per event of a later night's partition that arrives on one of the nights that are being written
create or replace table displaced as
with staged as (
    select rowid as event, event_id, arrival
    from staged_events
    where reason is null and arrival between $first::date and $last::date
),
first_ones as (select event_id, arrival from staged anti join duplicates using (event))
select other_nights.night, event_id
from other_nights
join first_ones using (event_id)
where other_nights.night > first_ones.arrival
