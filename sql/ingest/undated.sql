-- staged_events: an event without a usable time arrived with its log row's others, else with the row before it in the log
-- (the first one: with the next)
update staged_events
set arrival = neighbours.arrival
from (
    with undated as (select distinct _row from staged_events where arrival is null),
    dated as (select _row, min(arrival) as arrival from staged_events where arrival is not null group by _row)
    select
        undated._row,
        coalesce(before.arrival, after.arrival, $fallback::date) as arrival
    from undated
    asof left join dated as before on undated._row >= before._row
    asof left join dated as after on undated._row < after._row
) as neighbours
where staged_events._row = neighbours._row and staged_events.arrival is null
