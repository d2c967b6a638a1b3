-- one row per log file that has rows, or lines that cannot be read, of nights which are neither in the lake ($finished) nor
-- written now ($first to $last): how many of each. A row that is an event of another night too is none of them.
with finished as (select unnest($finished::date[]) as night),
staged as (
    select _file, _row, arrival from staged_events
    union all
    select _file, _row, arrival from staged_left_out
),
later as (
    select distinct _file, _row
    from staged
    anti join finished on staged.arrival = finished.night
    where staged.arrival not between $first::date and $last::date
),
others as (
    select distinct staged._row
    from staged
    semi join later using (_row)
    left join finished on staged.arrival = finished.night
    where finished.night is not null or staged.arrival between $first::date and $last::date
),
kept as (
    select _file, 1 as rows, 0 as lines from later anti join others using (_row)
    union all
    select staged_lines._file, 0, 1
    from staged_lines
    anti join finished on staged_lines.arrival = finished.night
    where staged_lines.arrival not between $first::date and $last::date
),
files as (from event_files)
select files.name, sum(kept.rows)::bigint as rows, sum(kept.lines)::bigint as lines
from kept
join files using (_file)
group by files.name
order by files.name
