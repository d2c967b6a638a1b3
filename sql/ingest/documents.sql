-- one row per night and document that its rows name, with the last that the night said of everything: what is null says nothing
with typed as (from typed_documents)
select
    arrival, document_id,
    arg_max(text, said) filter (text is not null) as text,
    arg_max(time, said) filter (time is not null) as time,
    arg_max(author, said) filter (author is not null) as author,
    arg_max(channel, said) filter (channel is not null) as channel,
    arg_max(kind, said) filter (kind is not null) as kind,
    arg_max(thread_id, said) filter (thread_id is not null) as thread_id,
    arg_max(language, said) filter (language is not null) as language,
    arg_max(entities, said) filter (entities is not null) as entities,
    arg_max(labels, said) filter (labels is not null) as labels
from typed
where reason is null
group by arrival, document_id
order by arrival, document_id
