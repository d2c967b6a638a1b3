-- table raw: one row per data row of the CSV files, every column as text, plus _file and _row (1, 2, ... over all files)
create or replace table raw as
select *, row_number() over () as _row
from read_csv(
    $files,
    columns = $columns,
    auto_detect = false,
    header = true,
    delim = $delimiter,
    quote = '"',
    escape = '"',
    max_line_size = $max_row_bytes,
    filename = '_file',
    store_rejects = true,
    hive_partitioning = false
)
