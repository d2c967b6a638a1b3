-- table raw: one row per line of the JSON Lines files, every key as text, plus _file and _row (1, 2, ... over all files)
-- A line that is no JSON object has only nulls.
create or replace table raw as
select *, row_number() over () as _row
from read_json(
    $files,
    columns = $columns,
    format = 'newline_delimited',
    ignore_errors = true,
    maximum_object_size = $max_row_bytes,
    filename = '_file',
    hive_partitioning = false
)
