-- one row per row of a table in a night's partition, as it was staged
select $night::date as arrival, kept.*
from read_parquet($partition, hive_partitioning = false) as kept
