-- one row per key in the first 100,000 lines of the JSON Lines files, in order of appearance
with lines as (
    select json, row_number() over () as line
    from read_ndjson_objects(
        $files,
        ignore_errors = true,
        maximum_object_size = $max_row_bytes,
        hive_partitioning = false
    )
    limit 100000
),
keys as (
    select line, unnest(json_keys(json)) as key, generate_subscripts(json_keys(json), 1) as place
    from lines
    where json_type(json) = 'OBJECT'
)
select key
from keys
group by key
order by min((line, place))
