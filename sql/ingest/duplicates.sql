-- table duplicates: one row per staged row whose event was already taken, earlier that night or on an earlier one
create or replace table duplicates as
with staged as (select event_id, arrival, _row from staged_events where reason is null and arrival <= $last::date),
earlier as (from earlier_events),
repeated as (select event_id from staged group by event_id having count(*) > 1),
numbered as (
    select _row, row_number() over (partition by event_id order by arrival, _row) as occurrence
    from staged
    semi join repeated using (event_id)
)
select _row from numbered where occurrence > 1
union
select _row from staged semi join earlier using (event_id)
