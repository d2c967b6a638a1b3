-- one row per event of a night's partition whose id has one of $hashes: its id, and why it is refused now
select kept.event_id, $reason as reason
from read_parquet($partition, hive_partitioning = false) as kept
where left(sha256(kept.event_id), 16) in (select unnest($hashes::varchar[]))
