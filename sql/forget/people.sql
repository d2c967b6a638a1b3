-- One row per file and person: how many rows of the file are about the person.
with wanted as (select unnest($ids::varchar[]) as id)
select file, id, count(*) as rows
from read_parquet($files::varchar[], filename = 'file', hive_partitioning = false, union_by_name = true)
join wanted on user_id = id
group by file, id
order by file, id
