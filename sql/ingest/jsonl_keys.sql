-- no rows: its columns are the keys of the JSON Lines files
select *
from read_json(
    $files,
    format = 'newline_delimited',
    ignore_errors = true,
    union_by_name = true,
    maximum_object_size = $max_row_bytes
)
limit 0
