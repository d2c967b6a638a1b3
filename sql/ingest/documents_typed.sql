-- table typed_documents: one row per row of the shop's mapping, cast to the contract, with its arrival, its place among what was
-- said (the later, by time and then by row, is the greater), and in words why it is refused
create or replace table typed_documents as
with mapped as (select *, row_number() over () as place from mapped_documents),
files as (from log_files),
typed as (
    select
        known_on(
            $arrival,
            case when $arrival = 'happened' then time::varchar else arrived_at::varchar end,
            files.first_day,
            files.last_day
        ) as arrival,
        _file::varchar as _file,
        try_cast(_row as bigint) as _row,
        files.first_day,
        {
            'time': coalesce(epoch_us(try_cast(arrived_at::varchar as timestamptz)), 0),
            'row': coalesce(try_cast(_row as bigint), 0),
            'place': place
        } as said,
        document_id::varchar as document_id,
        id_fault,
        -- nothing but spaces, ends of lines and what nobody sees is no text
        case when not regexp_full_match(words(text), '[\s\p{Z}\p{Cc}\p{Cf}]*') then trim(words(text)) end as text,
        try_cast(given(time::varchar) as timestamptz) as time,
        nullif(author::varchar, '') as author,
        label(channel) as channel,
        lower(label(kind)) as kind,
        nullif(thread_id::varchar, '') as thread_id,
        label(language) as language,
        -- a list, or one as JSON text
        try_cast(try_cast(entities as json) as varchar[]) as entities,
        -- a record, a map, or one of them as JSON text
        try_cast(try_cast(labels as json) as map(varchar, varchar)) as labels,
        given(time::varchar) is not null as told_time,
        entities is not null and given(entities::varchar) is not null
        and try_cast(try_cast(entities as json) as varchar[]) is null as bad_entities,
        labels is not null and given(labels::varchar) is not null
        and try_cast(try_cast(labels as json) as map(varchar, varchar)) is null as bad_labels,
        list_has_any(
            list_transform(json_extract(try_cast(labels as json), '$.*'), lambda one: json_type(one)), ['ARRAY', 'OBJECT']
        ) as many_labels
    from mapped
    left join files using (_file)
),
entered as (
    select
        *,
        list_sort(
            list_filter(
                list_transform(
                    map_entries(labels),
                    lambda one: {'key': trim(one.key), 'value': nullif(trim(one.value, E' \t\r\n' || chr(0)), '')}
                ),
                lambda one: one.value is not null
            )
        ) as entries
    from typed
),
named as (
    select
        * exclude (entries, labels),
        len(list_distinct(list_transform(entries, lambda one: one.key))) < len(entries) as twice,
        len(list_filter(entries, lambda one: length(one.value) > 200)) > 0 as long_label,
        case when not twice then map_from_entries(entries) end as labels
    from entered
)
select
    * exclude (first_day, id_fault, told_time, bad_entities, bad_labels, many_labels, twice, long_label) replace (
        case when cardinality(labels) > 0 then labels end as labels
    ),
    coalesce(arrival, first_day, $fallback::date) as night,
    case
        when arrival is null and $arrival = 'happened' then 'time is missing or not a time'
        when arrival is null then 'arrived_at is missing or not a time'
        when id_fault is not null then id_fault
        when document_id is null then 'document_id is missing'
        when strlen(document_id) > $max_id_bytes or strlen(author) > $max_id_bytes or strlen(thread_id) > $max_id_bytes
        then 'an id is too long'
        when told_time and (time is null or not isfinite(time)) or text is not null and time is null
        then 'time is missing or not a time'
        when time < $earliest::timestamptz then 'time is before ingest.earliest'
        when time >= try_cast(arrival + 1 as timestamptz) then 'time is after the day it arrived'
        when bad_labels then 'labels is no record of label sets, nor JSON of one'
        when many_labels then 'labels has a list or a record as a label: of a set a document has one'
        when twice then 'labels names a label set twice'
        when long_label then 'a label is longer than 200 characters'
        when bad_entities then 'entities is no list, nor JSON of one'
        when kind not in ('question', 'answer', 'review', 'news', 'post')
        then 'kind is none of question, answer, review, news, post'
        when text is null and coalesce(cardinality(labels), 0) = 0 and coalesce(len(entities), 0) = 0
        then 'text, labels and entities are missing'
    end as reason
from named
