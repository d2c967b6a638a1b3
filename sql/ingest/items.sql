-- one row per night and different thing that its logs say about an item, cast to the contract
with mapped as (from mapped_items),
files as (from log_files)
select
    case
        when $arrival = 'file' then files.first_day
        -- known no sooner than its file, and no later than by the last night that reads it
        when try_cast(arrived_at as timestamptz) is not null
        then least(greatest(try_cast(arrived_at as timestamptz)::date, files.first_day), files.last_day + 1)
    end as arrival,
    item_id::varchar as item_id,
    nullif(trim(title::varchar), '') as title,
    nullif(trim(text::varchar), '') as text,
    nullif(trim(category::varchar), '') as category,
    try_cast(price as double) as price,
    currency::varchar as currency,
    kind::varchar as kind,
    try_cast(available as boolean) as available,
    count(*) as rows
from mapped
left join files using (_file)
group by all
