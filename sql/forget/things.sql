-- One row per thing in the column $thing of rows that are about one of $ids: the thing, and whose it is. Of the columns $person
-- the first that is not null names whom a row is about.
with named as (
    select coalesce(*columns($person::varchar[])) as id, coalesce(*columns([$thing::varchar])) as thing
    from read_parquet($files::varchar[], hive_partitioning = false, union_by_name = true)
)
select thing, min(id) as id
from named
where list_contains($ids::varchar[], id)
group by thing
order by thing
