-- table late_events: one row per event that arrives on a finished night which did not decide on it. It stands behind what was
-- read of its file then; or the file was written anew since with more rows, and the lake does not hold the event.
create or replace table late_events as
with starts as (from raw_files),
earlier as (from other_nights where night < $night::date),
finished as (
    select
        staged.rowid as event, staged.event_id, staged._file, staged._row,
        staged._row - starts.first_row + 1 > decided.rows as is_behind,
        staged.reason is null and decided.is_alike as is_comparable
    from staged_events as staged
    join decided using (_file, arrival)
    join starts using (_file)
),
missing as (
    select event, _file, _row
    from finished
    anti join earlier using (event_id)
    where not is_behind and is_comparable
),
grown as (
    select _file, any_value(starts.last_row - starts.first_row + 1) - max(decided.rows) as growth
    from decided
    join starts using (_file)
    group by _file
),
found as (
    select _file, any_value(growth) >= count(distinct _row) as is_growth
    from missing
    join grown using (_file)
    group by _file
)
select event, _file, true as is_taken from finished where is_behind
union all
-- more than there are rows more: whatever they are, they are not what came late
select event, _file, is_growth from missing join found using (_file)
