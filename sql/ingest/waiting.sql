-- one row: how many events, rows without one, and lines that cannot be read, of the log files that were read arrive on later nights than the last
-- that is written, and on which; and of the files that can be the last night's, how many come after four weeks or more without
-- any, as a clock that is wrong makes them and a file of a month or a year does not, and the file of the latest
with rows as (
    select arrival, _file from staged_events where arrival > $last::date
    union all
    select arrival, _file from staged_lines where arrival > $last::date
    union all
    select arrival, _file from staged_left_out where arrival > $last::date
),
files as (from event_files),
placed as (
    select rows.arrival, files.name, coalesce(files.first_day, $last::date) <= $last::date as is_tonights
    from rows
    join files using (_file)
),
days as (
    select distinct arrival as day from placed where is_tonights
    union
    select $last::date
),
gaps as (select day, day - lag(day) over (order by day) as days from days),
apart as (select min(day) as since from gaps where days >= 28)
select
    count(*) as rows,
    min(arrival) as first,
    max(arrival) as last,
    count(*) filter (is_tonights and arrival >= since) as far,
    arg_max(name, arrival) filter (is_tonights and arrival >= since) as file
from placed
cross join apart
