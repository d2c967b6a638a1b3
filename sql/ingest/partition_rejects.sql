-- one row per refused row of a night's partition that it keeps, as it was staged
select $night::date as arrival, kept.*
from read_parquet($partition, hive_partitioning = false) as kept
anti join moved_away using (file, row)
