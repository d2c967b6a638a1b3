-- staged_events: an event without a usable time arrived with its log row's others, else on the day in its file's name, whatever
-- order the file is in; where that speaks of several days or of none, with the row before it (the first one: with the next);
-- where the file has no time at all, on the first day in its name
update staged_events
set arrival = neighbours.arrival
from (
    with undated as (select distinct _file, _row from staged_events where arrival is null),
    looked_up as (select distinct _file from undated),
    dated as (
        select _file, _row, min(arrival) as arrival
        from staged_events
        semi join looked_up using (_file)
        where arrival is not null
        group by all
    ),
    files as (select *, first_day = last_day as is_daily from log_files)
    select
        undated._row,
        coalesce(
            own.arrival,
            case when files.is_daily then files.first_day end,
            before.arrival, after.arrival, files.first_day, $fallback::date
        ) as arrival
    from undated
    left join files using (_file)
    left join dated as own on undated._file = own._file and undated._row = own._row
    asof left join dated as before on undated._file = before._file and undated._row >= before._row
    asof left join dated as after on undated._file = after._file and undated._row < after._row
) as neighbours
where staged_events._row = neighbours._row and staged_events.arrival is null
