-- one row per document and label set that are known by the night, with the last label that was said
with said as (
    select
        document_id,
        unnest(map_entries(labels)) as named,
        regexp_extract(filename, 'run_date=([0-9-]{10})/[^/]*$', 1)::date as arrival
    from read_parquet($files::varchar[], filename = true, hive_partitioning = false)
    where labels is not null
)
select document_id, named.key as label_set, arg_max(named.value, arrival) as label
from said
where list_contains($names::varchar[], named.key)
group by document_id, named.key
order by document_id, label_set
