-- one row per data row of the CSV files, every column as text, plus its file as $place; nothing is quoted without a $quote
select *
from read_csv(
    $files,
    columns = $columns,
    auto_detect = false,
    header = true,
    delim = $delimiter,
    quote = $quote,
    escape = $quote,
    max_line_size = $max_row_bytes,
    filename = $place,
    store_rejects = true,
    hive_partitioning = false
)
