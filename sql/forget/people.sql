-- One row per file and person: how many of the file's rows are about the person. Of the columns $person the first that is
-- not null names whom a row is about: a guest's session that bears a person's id is theirs.
with wanted as (select unnest($ids::varchar[]) as id),
named as (
    select file_of as file, coalesce(*columns($person::varchar[])) as id
    from read_parquet($files::varchar[], filename = 'file_of', hive_partitioning = false, union_by_name = true)
)
select file, id, count(*) as rows
from named
join wanted using (id)
group by file, id
order by file, id
