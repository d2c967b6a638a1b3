-- table typed_links: one row per row of the shop's mapping, with its arrival, and in words why it is left out
create or replace table typed_links as
with mapped as (from mapped_links),
files as (from log_files),
typed as (
    select
        known_on($arrival, arrived_at, files.first_day, files.last_day) as arrival,
        _file,
        files.first_day,
        item_id::varchar as item_id,
        linked_id::varchar as linked_id,
        id_fault
    from mapped
    left join files using (_file)
)
select
    arrival,
    _file,
    item_id,
    linked_id,
    coalesce(arrival, first_day, $fallback::date) as night,
    case
        when arrival is null then 'left out, as arrived_at is missing or not a time'
        when id_fault is not null then 'left out, as ' || id_fault
        when item_id is null then 'left out, as item_id is missing'
        when linked_id is null then 'left out, as linked_id is missing'
        when greatest(strlen(item_id), strlen(linked_id)) > $max_id_bytes then 'left out, as an id is too long'
        when item_id = linked_id then 'left out, as the item is linked to itself'
    end as fault
from typed
