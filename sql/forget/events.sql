-- One row per file and person: how many events are the person's. A guest's session that bears a person's id is theirs.
with wanted as (select unnest($ids::varchar[]) as id)
select file, id, count(*) as rows
from read_parquet($files::varchar[], filename = 'file', hive_partitioning = false)
join wanted on coalesce(user_id, session_id) = id
group by file, id
order by file, id
