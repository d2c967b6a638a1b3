-- one row per row of raw that is numbered as one of $rows: its file, its place in it, and what it says
with starts as (from raw_files),
logged as (select * from raw semi join (select unnest($rows::bigint[]) as _row) using (_row))
select
    _file,
    logged._row - starts.first_row + 1 as row,
    left(json_merge_patch(to_json(logged), '{"_file": null, "_row": null}')::varchar, $max_raw_characters) as raw
from logged
join starts using (_file)
order by logged._row
