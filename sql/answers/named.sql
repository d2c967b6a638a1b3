-- one row per question or answer and thing with relations that its `entities` name, as it was said last
with said as (
    select
        document_id, kind, entities,
        regexp_extract(filename, 'run_date=([0-9-]{10})/[^/]*$', 1)::date as arrival
    from read_parquet($files::varchar[], filename = true, hive_partitioning = false)
),
latest as (
    select
        document_id,
        arg_max(kind, arrival) filter (kind is not null) as kind,
        arg_max(entities, arrival) filter (entities is not null) as entities
    from said
    group by document_id
),
named as (
    select document_id, unnest(entities) as entity
    from latest
    where kind in ('question', 'answer')
),
final as (
    select distinct
        document_id,
        regexp_replace(entity, '^[\s\p{Z}\p{Cc}\p{Cf}]+|[\s\p{Z}\p{Cc}\p{Cf}]+$', '', 'g') as thing
    from named
)
select final.document_id, things.place
from final
join things using (thing)
order by final.document_id, things.place
