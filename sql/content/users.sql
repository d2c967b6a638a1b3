-- one row per attribute of $names and user known at the night's cut-off, with what was said of it last by the night
with said as (
    select
        user_id, name, value,
        regexp_extract(filename, 'run_date=([0-9-]{10})/[^/]*$', 1)::date as arrival
    from read_parquet($files::varchar[], filename = true, hive_partitioning = false)
    where list_contains($names::varchar[], name)
),
latest as (
    select user_id, name, arg_max(value, arrival) as value
    from said
    group by user_id, name
)
select
    users.user_index,
    latest.name,
    latest.value as word,
    as_number(latest.value) as number,
    date_diff('year', as_date(latest.value), $valid_on::date)
    - (strftime($valid_on::date, '%m-%d') < strftime(as_date(latest.value), '%m-%d'))::integer as years
from latest
join users using (user_id)
order by name, user_index
