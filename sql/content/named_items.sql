-- one row per item and document of `labelled` that names it, as the document's row said last by the night
with said as (
    select
        document_id, entities,
        regexp_extract(filename, 'run_date=([0-9-]{10})/[^/]*$', 1)::date as arrival
    from read_parquet($files::varchar[], filename = true, hive_partitioning = false)
    where entities is not null
),
latest as (
    select document_id, arg_max(entities, arrival) as entities
    from said
    group by document_id
),
named as (
    select
        document_id,
        unnest(
            list_distinct(
                list_transform(
                    entities, lambda one: regexp_replace(one, '^[\s\p{Z}\p{Cc}\p{Cf}]+|[\s\p{Z}\p{Cc}\p{Cf}]+$', '', 'g')
                )
            )
        ) as item_id
    from latest
)
select item_id as id, check_name, label, probability
from named
join labelled using (document_id)
semi join items using (item_id)
order by all
