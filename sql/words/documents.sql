-- one row per document of which text and time are known by the night, with the last that was said of it; `text_since` is the
-- first night by which its text was known, of whichever document, from $since on
with said as (
    select
        document_id, text, time, author, kind, thread_id, language,
        regexp_extract(filename, 'run_date=([0-9-]{10})/[^/]*$', 1)::date as arrival
    from read_parquet($files::varchar[], filename = true, hive_partitioning = false)
),
texts as (
    select text, min(arrival) as text_since
    from said
    where text is not null
    group by text
    having min(arrival) >= $since::date
),
latest as (
    select
        document_id,
        arg_max(text, arrival) filter (text is not null) as text,
        arg_max(time, arrival) filter (time is not null) as time,
        arg_max(author, arrival) filter (author is not null) as author,
        list(distinct author order by author) filter (author is not null) as authors,
        arg_max(kind, arrival) filter (kind is not null) as kind,
        arg_max(thread_id, arrival) filter (thread_id is not null) as thread_id,
        arg_max(language, arrival) filter (language is not null) as language
    from said
    group by document_id
)
select
    latest.document_id, latest.text, sha256(latest.text) as text_key, latest.time, latest.author, latest.kind, latest.thread_id,
    texts.text_since, date_diff('day', date '1970-01-01', latest.time::date)::integer as day, latest.language, latest.authors
from latest
join texts using (text)
where latest.time is not null
order by latest.document_id
