-- table late_events: one row per event, or log row of which the mapping makes none (event is null), that arrives on a finished
-- night (own) which did not decide on it. It stands behind what was read of its file then; or the file was written anew since
-- with more rows, and the lake does not hold the event.
create or replace table late_events as
with starts as (from raw_files),
earlier as (select distinct event_id from other_nights where night < $night::date),
rows as (
    select rowid as event, event_id, reason, arrival, _file, _row from staged_events
    union all
    select null, null, 'left out by the mapping', arrival, _file, _row from staged_left_out -- known like a refused one
),
finished as (
    select
        staged.event, staged.event_id, staged.reason, staged.arrival as own, staged._file, staged._row,
        staged._row - starts.first_row + 1 > decided.rows as is_behind,
        decided.is_alike
    from rows as staged
    join decided using (_file, arrival)
    join starts using (_file)
),
missing as (
    select event, own, _file, _row
    from finished
    anti join earlier using (event_id)
    where not is_behind and reason is null and is_alike
),
grown as (
    select _file, any_value(starts.last_row - starts.first_row + 1) - max(decided.rows) as growth
    from decided
    join starts using (_file)
    group by _file
),
found as (
    select _file, count(distinct _row) as rows, any_value(growth) >= count(distinct _row) as is_growth
    from missing
    join grown using (_file)
    group by _file
),
-- each of these has pushed a row behind that was decided on: one that the lake holds, or else one that is no event
old as (
    select _file, _row, row_number() over (partition by _file order by count(earlier.event_id) desc, _row) as place
    from finished
    left join earlier using (event_id)
    where is_behind and is_alike
    group by _file, _row
    having bool_and(reason is not null or earlier.event_id is not null)
),
pushed as (select old._file, old._row from old join found using (_file) where found.is_growth and old.place <= found.rows)
select event, own, _file, _row, true as is_taken from finished anti join pushed using (_file, _row) where is_behind
union all
-- more than there are rows more: whatever they are, they are not what came late
select event, own, _file, _row, is_growth from missing join found using (_file)
