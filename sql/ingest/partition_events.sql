-- one row per event of a night's partition that it keeps, as it was staged
select $night::date as arrival, kept.*, null::varchar as reason
from read_parquet($partition, hive_partitioning = false) as kept
anti join given_up using (event_id)
