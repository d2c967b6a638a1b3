-- one row per question, answer and label set that a night's rows named together, in the order in which nights knew it
with said as (
    select
        document_id,
        unnest(map_entries(labels)) as named,
        regexp_extract(filename, 'run_date=([0-9-]{10})/[^/]*$', 1)::date as arrival
    from read_parquet($files::varchar[], filename = true, hive_partitioning = false)
    where labels is not null
)
select document_id as question_id, named.value as answer_id, named.key as label_set, arrival
from said
where list_contains($names::varchar[], named.key)
order by arrival, question_id, answer_id, label_set
