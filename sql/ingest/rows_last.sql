-- one row per log file that has a row which can be read: its path and name, the place of its last one, and the row itself
with files as (from log_files),
ends as (from raw_files),
logged as (from raw)
select
    files._file, files.name, ends.last_row - ends.first_row + 1 as place,
    json_merge_patch(to_json(logged), '{"_file": null, "_row": null}')::varchar as row
from ends
join files using (_file)
join logged on ends.last_row = logged._row
order by files.name
