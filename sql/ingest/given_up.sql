-- staged_rejects: one more per event that the night gives up to another line, of which only the file may be known
insert into staged_rejects
select $night::date as arrival, $file as file, null as row, given_up.reason, null as raw
from read_parquet($partition, hive_partitioning = false) as kept
join given_up using (event_id)
where given_up.reason is not null
