-- table typed_searches: one row per row of the shop's mapping, cast to the contract, with its arrival, and in words why it is
-- refused
create or replace table typed_searches as
with mapped as (from mapped_searches),
files as (from log_files),
typed as (
    select
        known_on(
            $arrival,
            case when $arrival = 'happened' then searched_at::varchar else arrived_at::varchar end,
            files.first_day,
            files.last_day
        ) as arrival,
        _file::varchar as _file,
        try_cast(_row as bigint) as _row,
        files.first_day,
        nullif(user_id::varchar, '') as user_id,
        nullif(session_id::varchar, '') as session_id,
        try_cast(given(searched_at::varchar) as timestamptz) as searched_at,
        words(query) as query,
        id_fault
    from mapped
    left join files using (_file)
)
select
    * exclude (first_day, id_fault),
    coalesce(arrival, first_day, $fallback::date) as night,
    case
        when arrival is null and $arrival = 'happened' then 'searched_at is missing or not a time'
        when arrival is null then 'arrived_at is missing or not a time'
        when searched_at is null or not isfinite(searched_at) then 'searched_at is missing or not a time'
        when searched_at < $earliest::timestamptz then 'searched_at is before ingest.earliest'
        when searched_at >= try_cast(arrival + 1 as timestamptz) then 'searched_at is after the day it arrived'
        when id_fault is not null then id_fault
        when query is null or regexp_full_match(query, '[\s\p{Z}\p{Cc}\p{Cf}]*') then 'query is missing'
        when greatest(strlen(user_id), strlen(session_id)) > $max_id_bytes then 'an id is too long'
    end as reason
from typed
