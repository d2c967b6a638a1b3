-- table typed_exclusions: one row per row of the shop's mapping, with its arrival, and in words why it is left out
create or replace table typed_exclusions as
with mapped as (from mapped_exclusions),
files as (from log_files),
typed as (
    select
        known_on($arrival, arrived_at, files.first_day, files.last_day) as arrival,
        _file,
        files.first_day,
        user_id::varchar as user_id,
        item_id::varchar as item_id,
        try_cast(given(valid_until::varchar) as timestamptz)::date as valid_until,
        given(valid_until::varchar) is not null
        and try_cast(given(valid_until::varchar) as timestamptz) is null as bad_day,
        id_fault
    from mapped
    left join files using (_file)
)
select
    arrival,
    _file,
    user_id,
    item_id,
    valid_until,
    coalesce(arrival, first_day, $fallback::date) as night,
    case
        when arrival is null then 'left out, as arrived_at is missing or not a time'
        when id_fault is not null then 'left out, as ' || id_fault
        when user_id is null then 'left out, as user_id is missing'
        when item_id is null then 'left out, as item_id is missing'
        when greatest(strlen(user_id), strlen(item_id)) > $max_id_bytes then 'left out, as an id is too long'
    end as fault,
    -- what is not understood must not show somebody what they are kept from
    case when bad_day then 'for ever, as what valid_until says is no time' end as note
from typed
