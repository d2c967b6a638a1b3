-- table typed_users: one row per row of the shop's mapping and attribute ($names, which are $kinds), with its arrival, its place
-- among what was said (the later, by time and then by row, is the greater), and in words why it is left out
create or replace table typed_users as
with mapped as (select *, row_number() over () as place from mapped_users),
files as (from log_files),
people as (
    select
        known_on($arrival, arrived_at, files.first_day, files.last_day) as known,
        -- not before $since; greatest would take it for a null too
        case when known is not null then greatest(known, $since::date) end as arrival,
        _file,
        files.first_day,
        {
            'time': coalesce(epoch_us(try_cast(arrived_at as timestamptz)), 0),
            'row': coalesce(try_cast(_row as bigint), 0),
            'place': place
        } as said,
        user_id::varchar as user_id,
        id_fault,
        unnest($names::varchar[]) as name,
        unnest($kinds::varchar[]) as kind,
        unnest(attributes) as value
    from mapped
    left join files using (_file)
)
select
    arrival,
    _file,
    said,
    user_id,
    name,
    attribute_value(kind, value) as value,
    coalesce(arrival, first_day, $fallback::date) as night,
    case
        when arrival is null then 'left out, as arrived_at is missing or not a time'
        when id_fault is not null then 'left out, as ' || id_fault
        when user_id is null then 'left out, as user_id is missing'
        when strlen(user_id) > $max_id_bytes then 'left out, as user_id is too long'
        when attribute_fault(kind, value) is not null then 'without ' || name || ', which is ' || attribute_fault(kind, value)
    end as fault
from people
