-- one row per row of the Parquet files, plus its file as $place
select *
from read_parquet($files, filename = $place, union_by_name = true, hive_partitioning = false)
