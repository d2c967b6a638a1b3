-- one row per key in the JSON Lines files, however late it first stands in them, in order of appearance
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
)
select key
from keys
group by key
order by min((line, place))
