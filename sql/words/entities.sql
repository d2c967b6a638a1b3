-- one row per document written from $first on and entity that it names: the day, its text's hash, its authors; a document that names
-- none, or more than $most, is there once, its entity null. Of each document what was said last counts.
with said as (
    select
        document_id, text, time, author, kind, entities,
        regexp_extract(filename, 'run_date=([0-9-]{10})/[^/]*$', 1)::date as arrival
    from read_parquet($files::varchar[], filename = true, hive_partitioning = false)
),
recent as (select distinct document_id from said where time::date >= $first::date),
latest as (
    select
        document_id,
        arg_max(text, arrival) filter (text is not null) as text,
        arg_max(time, arrival) filter (time is not null) as time,
        arg_max(author, arrival) filter (author is not null) as author,
        list(distinct author order by author) filter (author is not null) as authors,
        arg_max(kind, arrival) filter (kind is not null) as kind,
        arg_max(entities, arrival) filter (entities is not null) as entities
    from said
    semi join recent using (document_id)
    group by document_id
),
named as (
    select
        *,
        list_distinct(
            list_filter(
                list_transform(
                    entities,
                    lambda one: replace(
                        regexp_replace(one, '^[\s\p{Z}\p{Cc}\p{Cf}]+|[\s\p{Z}\p{Cc}\p{Cf}]+$', '', 'g'), chr(0), chr(65533)
                    )
                ),
                lambda one: one <> '' and strlen(one) <= $longest::integer
            )
        ) as names
    from latest
    where
        text is not null and time::date between $first::date and $last::date
        and (len($kinds::varchar[]) = 0 or list_contains($kinds::varchar[], kind))
)
select
    document_id,
    date_diff('day', $first::date, time::date)::integer as day,
    unnest(case when len(names) between 1 and $most::integer then names else [null::varchar] end) as entity,
    sha256(text) as text_key,
    author,
    authors
from named
order by document_id, entity
