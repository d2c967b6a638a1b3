-- table raw: one row per row of the Parquet files, plus _file and _row (1, 2, ... over all files)
create or replace table raw as
select *, row_number() over () as _row
from read_parquet($files, filename = '_file', union_by_name = true, hive_partitioning = false)
