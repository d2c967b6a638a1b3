-- one row per document and label set that are known by the night, with the last label that was said, and the first night
-- that said it
with said as (
    select
        document_id,
        unnest(map_entries(labels)) as named,
        regexp_extract(filename, 'run_date=([0-9-]{10})/[^/]*$', 1)::date as arrival
    from read_parquet($files::varchar[], filename = true, hive_partitioning = false)
    where labels is not null
),
of_each as (
    select document_id, named.key as label_set, named.value as label, min(arrival) as first, max(arrival) as last
    from said
    where list_contains($names::varchar[], named.key) and named.value is not null
    group by document_id, named.key, named.value
)
select document_id, label_set, arg_max(label, last) as label, arg_max(first, last) as label_since
from of_each
group by document_id, label_set
order by document_id, label_set
