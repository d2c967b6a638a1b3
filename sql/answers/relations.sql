-- one row per relation that holds on the day after the night: of each, what was said last of how long. Where a night names all
-- that there are, only the last one's count.
with said as (
    select
        thing, relation, other_thing, valid_until,
        regexp_extract(filename, 'run_date=([0-9-]{10})/[^/]*$', 1)::date as arrival
    from read_parquet($files::varchar[], filename = true, hive_partitioning = false)
),
last_night as (select max(arrival) as night from said),
latest as (
    select thing, relation, other_thing, arg_max({'last': valid_until}, arrival).last as valid_until
    from said
    cross join last_night
    where $snapshot::varchar <> 'full' or arrival = last_night.night
    group by thing, relation, other_thing
)
select thing, relation, other_thing
from latest
where coalesce(valid_until > $night::date, true)
order by thing, relation nulls first, other_thing
