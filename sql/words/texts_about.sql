-- one row per document of $documents: its text, as it was said last
with said as (
    select document_id, text, regexp_extract(filename, 'run_date=([0-9-]{10})/[^/]*$', 1)::date as arrival
    from read_parquet($files::varchar[], filename = true, hive_partitioning = false)
    where text is not null
)
select document_id, arg_max(text, arrival) as text
from said
semi join (select unnest($documents::varchar[]) as document_id) as wanted using (document_id)
group by document_id
order by document_id
