-- table typed_relations: one row per row of the shop's mapping, with its arrival, its place among what was said (the later, by
-- time and then by row, is the greater), and in words why it is refused
create or replace table typed_relations as
with mapped as (select *, row_number() over () as place from mapped_relations),
files as (from log_files),
typed as (
    select
        known_on($arrival, arrived_at, files.first_day, files.last_day) as arrival,
        _file::varchar as _file,
        try_cast(_row as bigint) as _row,
        files.first_day,
        {
            'time': coalesce(epoch_us(try_cast(arrived_at::varchar as timestamptz)), 0),
            'row': coalesce(try_cast(_row as bigint), 0),
            'place': place
        } as said,
        thing::varchar as thing,
        label(relation) as relation,
        other_thing::varchar as other_thing,
        try_cast(given(valid_until::varchar) as timestamptz)::date as valid_until,
        given(valid_until::varchar) is not null
        and try_cast(given(valid_until::varchar) as timestamptz) is null as bad_day,
        id_fault
    from mapped
    left join files using (_file)
)
select
    * exclude (first_day, id_fault, bad_day),
    coalesce(arrival, first_day, $fallback::date) as night,
    case
        when arrival is null then 'arrived_at is missing or not a time'
        when id_fault is not null then id_fault
        when thing is null then 'thing is missing'
        when other_thing is null then 'other_thing is missing'
        when greatest(strlen(thing), strlen(other_thing)) > $max_id_bytes then 'a thing is longer than ingest.max_id_bytes'
        when length(relation) > 200 then 'relation is longer than 200 characters'
        when thing = other_thing then 'the thing is related to itself'
        when bad_day then 'what valid_until says is no time'
    end as reason
from typed
