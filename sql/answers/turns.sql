-- one row per question: the texts of at most $turns questions before it in its thread, by time and then by document_id, the hash
-- of its text and theirs, and the first night by which all of that was known
with known as (
    select document_id, text, min(regexp_extract(filename, 'run_date=([0-9-]{10})/[^/]*$', 1)::date) as since
    from read_parquet($files::varchar[], filename = true, hive_partitioning = false)
    where text is not null
    group by document_id, text
),
asked as (
    select questions.*, known.since
    from questions
    join known on known.document_id = questions.document_id and sha256(known.text) = questions.text_key
),
turns as (
    select
        place, text_key,
        list(text_place) over so_far as earlier,
        list(text_key) over so_far as earlier_keys,
        greatest(since, max(since) over so_far) as since
    from asked
    -- a question without a thread is alone
    window so_far as (
        partition by thread_id is null, coalesce(thread_id, document_id)
        order by time, document_id
        rows between $turns::bigint preceding and 1 preceding
    )
)
select
    place,
    earlier,
    case
        when earlier is null then text_key
        else sha256(concat_ws(' ', text_key, $thread_words::varchar, array_to_string(earlier_keys, ' ')))
    end as key,
    since
from turns
order by place
