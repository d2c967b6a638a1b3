-- table staged_items: one row per night and different thing that its logs say about an item
create or replace table staged_items as
with contract as (
    select
        null as item_id, null as title, null as text, null as category, null as price, null as currency, null as kind,
        null as available, null as arrived_at, null::varchar as _file
    where false
),
mapped as (
    from contract
    union all by name
    from mapped_items
),
files as (from log_files)
select
    item_id::varchar as item_id,
    nullif(trim(title::varchar), '') as title,
    nullif(trim(text::varchar), '') as text,
    nullif(trim(category::varchar), '') as category,
    try_cast(price as double) as price,
    currency::varchar as currency,
    kind::varchar as kind,
    try_cast(available as boolean) as available,
    case when $arrival = 'file' then files.first_day else try_cast(arrived_at as timestamptz)::date end as arrival,
    count(*) as rows
from mapped
left join files using (_file)
where item_id::varchar <> '' and strlen(item_id::varchar) <= $max_id_bytes
group by all
