-- staged_events: an event without a usable time arrived with its log row's others, else with the row before it in its file
-- (the first one: with the next); where the file has no time at all, on the day in its name
update staged_events
set arrival = neighbours.arrival
from (
    with undated as (select distinct _file, _row from staged_events where arrival is null),
    dated as (select _file, _row, min(arrival) as arrival from staged_events where arrival is not null group by all),
    files as (from log_files)
    select
        undated._row,
        coalesce(before.arrival, after.arrival, files.first_day, $fallback::date) as arrival
    from undated
    left join files using (_file)
    asof left join dated as before on undated._file = before._file and undated._row >= before._row
    asof left join dated as after on undated._file = after._file and undated._row < after._row
) as neighbours
where staged_events._row = neighbours._row and staged_events.arrival is null
