-- one row per key to read from JSON Lines files, however late it first stands in them, in order of appearance: the ones
-- that the mappings name (variable asked) and, where they name none in particular (or there is no such variable), the 1,000 most
-- frequent others. Of keys that differ only in case it is the one that is spelled as a mapping does, else the first.
with lines as (
    select json, row_number() over () as line
    from read_ndjson_objects(
        $files,
        ignore_errors = true,
        maximum_object_size = $max_row_bytes,
        hive_partitioning = false
    )
),
keys as (
    select line, unnest(json_keys(json)) as key, generate_subscripts(json_keys(json), 1) as place
    from lines
    where json_type(json) = 'OBJECT'
),
counted as (
    select
        key,
        lower(key) as name,
        count(*) as frequency,
        min((line, place)) as first,
        coalesce(list_contains(getvariable('asked').words::varchar[], key), false) as spelled
    from keys
    where key <> '' and not contains(key, chr(0)) and lower(key) <> 'file_of_row_for_nightjar'
    group by key
),
distinct_names as (
    from counted
    qualify row_number() over (partition by name order by spelled desc, first) = 1
),
-- the names that say where a row stands are the pipeline's: a log's own are kept under longer ones
wanted as (
    select
        *,
        name in ('_file', '_row')
        or coalesce(list_contains(list_transform(getvariable('asked').words::varchar[], lambda x: lower(x)), name), false) as named
    from distinct_names
),
ranked as (
    select *, row_number() over (order by named desc, frequency desc, first) as rank
    from wanted
)
select key
from ranked
where named or rank = 1 or (coalesce(getvariable('asked').every::boolean, true) and rank <= 1000)
order by first
