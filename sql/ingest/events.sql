-- one row per row of the shop's mapping, cast to the contract, with its arrival and, if refused, why
with mapped as (from mapped_events),
files as (from log_files),
typed as (
    select
        id_fault,
        event_id::varchar as given_id,
        user_id::varchar as user_id,
        item_id::varchar as item_id,
        try_cast(event_time as timestamptz) as event_time,
        whole(event_type) as event_type,
        number(value) as value,
        number(quantity) as quantity,
        number(price) as price,
        session_id::varchar as session_id,
        words(query) as query,
        given(surface) as surface,
        case when number(rank_shown) is not null then try_cast(rank_shown as integer) end as rank_shown,
        given(run_id_shown) as run_id_shown,
        number(propensity) as propensity,
        is_no_number(value) or is_no_number(quantity) or is_no_number(price) or is_no_number(rank_shown)
        or is_no_number(propensity)
        or (number(rank_shown) is not null and try_cast(rank_shown as integer) is null) as bad_number,
        try_cast(arrived_at as timestamptz) as arrived_at,
        reject_reason::varchar as reject_reason,
        _file::varchar as _file,
        try_cast(_row as bigint) as _row
    from mapped
),
arrived as (
    select
        typed.*,
        case $arrival
            when 'event_time' then case when isfinite(typed.event_time) then typed.event_time::date end
            when 'arrived_at' then case when isfinite(typed.arrived_at) then typed.arrived_at::date end
            else files.first_day
        end as day,
        files.first_day,
        files.last_day
    from typed
    left join files using (_file)
),
-- A row is known no sooner than its file: a late one arrives with it, whichever night reads the file first. One of the day
-- after it arrives on that day, and of a later one none: a clock. Without a day that can be, it will be filed with its
-- neighbours in the file.
placed as (
    select
        *,
        case
            when day >= $earliest::date and day <= coalesce(last_day + 1, day) then greatest(day, first_day)
        end as arrival,
        day > last_day + 1 as misfiled
    from arrived
),
judged as (
    select
        *,
        case
            when reject_reason is not null then reject_reason
            when event_time is null or not isfinite(event_time) then 'event_time is missing or not a time'
            when event_time < $earliest::timestamptz then 'event_time is before ingest.earliest'
            when misfiled then 'its file is not the one of its day'
            when arrival is null then 'arrived_at is missing or not a time'
            when event_time >= try_cast(arrival + 1 as timestamptz) then 'event_time is after the day it arrived'
            when id_fault is not null then id_fault
            when item_id is null then 'item_id is missing'
            when event_type is null then 'event_type is missing'
            when not list_contains($event_types, event_type) then 'event_type is not in features.event_types'
            when bad_number then 'a number is not a number'
            when not (abs(coalesce(value, 0)) <= 1e9 and abs(coalesce(quantity, 0)) <= 1e9)
                or not (abs(coalesce(price, 0)) <= 1e9) then 'a number is out of range'
            when not (propensity > 0 and propensity <= 1) then 'propensity is not above 0 and at most 1'
            when strlen(item_id) > $max_id_bytes or strlen(user_id) > $max_id_bytes or strlen(given_id) > $max_id_bytes
                or strlen(session_id) > $max_id_bytes then 'an id is too long'
        end as reason
    from placed
)
select
    coalesce(
        given_id,
        -- as JSON: what is null keeps its place, and no value runs into its neighbour; the propensity came later, and says
        -- nothing that the slot and its run do not
        md5(
            json_array(
                user_id, item_id, epoch_us(event_time), event_type, value, quantity, price, session_id, query, surface,
                rank_shown, run_id_shown
            )::varchar
        )
    ) as event_id,
    user_id, item_id, event_time, event_type, value, quantity, price, session_id, query, surface, rank_shown,
    run_id_shown, propensity, arrival, reason, _file, _row
from judged
