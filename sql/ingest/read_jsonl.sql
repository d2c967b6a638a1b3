-- one row per line of the JSON Lines files, every key as text, plus its file as $place
-- A line that is no JSON object has only nulls.
select *
from read_json(
    $files,
    columns = $columns,
    format = 'newline_delimited',
    records = true,
    ignore_errors = true,
    maximum_object_size = $max_row_bytes,
    filename = $place,
    hive_partitioning = false
)
