-- table typed_items: one row per row of the shop's mapping, cast to the contract, with its arrival, its place among what was
-- said (the later, by time and then by row, is the greater), and in words what of it is of no use
create or replace table typed_items as
with mapped as (select *, row_number() over () as place from mapped_items),
files as (from log_files),
typed as (
    select
        known_on($arrival, arrived_at, files.first_day, files.last_day) as arrival,
        _file,
        files.first_day,
        {
            'time': coalesce(epoch_us(try_cast(arrived_at as timestamptz)), 0),
            'row': coalesce(try_cast(_row as bigint), 0),
            'place': place
        } as said,
        item_id::varchar as item_id,
        id_fault,
        nullif(trim(given(title)), '') as title,
        nullif(trim(given(text)), '') as text,
        label(category) as category,
        number(price) as price,
        is_no_number(price) as bad_price,
        label(currency) as currency,
        label(kind) as kind,
        case when strlen(parent_id) <= $max_id_bytes then nullif(parent_id::varchar, '') end as parent_id,
        strlen(parent_id) > $max_id_bytes as long_parent,
        flag(available) as available,
        try_cast(given(valid_from::varchar) as timestamptz)::date as valid_from,
        try_cast(given(valid_until::varchar) as timestamptz)::date as valid_until,
        (given(valid_from::varchar) is not null and try_cast(given(valid_from::varchar) as timestamptz) is null)
        or (given(valid_until::varchar) is not null and try_cast(given(valid_until::varchar) as timestamptz) is null)
            as bad_days,
        given(trim(available::varchar)) is not null as told,
        attributes
    from mapped
    left join files using (_file)
)
select
    * exclude (first_day, id_fault, long_parent, bad_price, told, bad_days)
    replace (
        case when price between 0 and 1e9 then price end as price,
        -- what is not understood may well say that it is sold out
        case when bad_days then false when told then coalesce(available, false) end as available
    ),
    coalesce(arrival, first_day, $fallback::date) as night,
    list_filter(
        [
            case when arrival is null then 'left out, as arrived_at is missing or not a time' end,
            case
                when id_fault is not null then 'left out, as ' || id_fault
                when item_id is null then 'left out, as item_id is missing'
                when strlen(item_id) > $max_id_bytes then 'left out, as item_id is too long'
            end,
            case when long_parent then 'without the parent_id, which is too long' end,
            case when bad_price then 'without the price, which is not a number' end,
            case when not abs(price) <= 1e9 then 'without the price, which is out of range' end,
            case when price >= -1e9 and price < 0 then 'without the price, which is negative' end,
            case when told and available is null then 'not available, as what available says is not understood' end,
            case when bad_days then 'not available, as what valid_from or valid_until says is no time' end
        ],
        lambda fault: fault is not null
    ) as faults
from typed
