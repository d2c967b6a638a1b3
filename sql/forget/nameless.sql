-- One row per file and person: how many of the file's rows name nobody in the columns $person and are about one of $things; the
-- person is whose it is, at the same place of $ids.
with theirs as (select unnest($things::varchar[]) as thing, unnest($ids::varchar[]) as id),
named as (
    select file_of as file, coalesce(*columns($person::varchar[])) as person, coalesce(*columns([$thing::varchar])) as thing
    from read_parquet($files::varchar[], filename = 'file_of', hive_partitioning = false, union_by_name = true)
)
select file, theirs.id, count(*) as rows
from named
join theirs using (thing)
where person is null
group by file, theirs.id
order by file, theirs.id
