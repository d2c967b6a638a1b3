-- table staged_rejects: one row per event that was refused, of one row of the log or several of one, with its place in its file, and the row itself where it may
-- be kept ($keep_raw; never of those who asked to be forgotten)
create or replace table staged_rejects as
with staged as (select rowid as event, * from staged_events),
again as (from duplicates),
logged as (from raw),
starts as (from raw_files),
lines as (from staged_lines),
files as (from log_files),
refused as (
    select _file, _row, arrival, reason from staged where reason is not null
    union all
    select staged._file, staged._row, staged.arrival, again.reason from staged join again using (event)
),
-- lines that could not be read are not numbered in raw
placed as (
    select refused.*, place_in_file(refused._row - starts.first_row + 1, skipped.lines) as row
    from refused
    join starts using (_file)
    left join (select _file, list(line order by line) as lines from lines group by _file) as skipped using (_file)
)
select
    placed.arrival, files.name as file, placed.row, placed.reason,
    case
        when $keep_raw and placed.reason <> 'its user asked to be forgotten'
        then left(json_merge_patch(to_json(logged), '{"_file": null, "_row": null}')::varchar, $max_raw_characters)
    end as raw
from placed
join logged using (_row)
join files on placed._file = files._file
union all
select
    lines.arrival, files.name, lines.line, lines.reason,
    case when $keep_raw then left(to_json(lines.raw)::varchar, $max_raw_characters) end
from lines
join files using (_file)
