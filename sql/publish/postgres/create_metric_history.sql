-- One row per run, pool, list and metric, of what `runs` has as JSON: see create_metric_history.sql beside this folder.
-- A number that JSON does not have (NaN) is left out: it would make an error of the whole view.
create or replace view {view} as
with said as (
    select run_id, run_date, regexp_replace(metrics, ':\s*(NaN|-?Infinity)', ': null', 'g')::jsonb as said
    from {schema}.runs
),
parts as (
    select
        run_id, run_date, said,
        (said ->> 'k')::integer as k,
        (said ->> 'deep')::integer as deep,
        said ->> 'gate' as gate,
        split_part(entry.key, '.', 1) as pool,
        split_part(entry.key, '.', 2) as named,
        substr(entry.key, length(split_part(entry.key, '.', 1)) + length(split_part(entry.key, '.', 2)) + 3) as rest,
        case when jsonb_typeof(entry.value) = 'number' then (entry.value #>> '{{}}')::double precision end as number
    from said, jsonb_each(said) as entry
    where entry.key like '%.%.%' and split_part(entry.key, '.', 1) ~ '^(.*-)?(all|new)$'
),
numbers as (
    select
        run_id, run_date, pool, k, deep, gate, number,
        said ->> (pool || '.best_single') as best_single,
        case
            when named in ('best_single', 'best_member', 'opponent') then said ->> (pool || '.' || named)
            when named = 'calibration' then 'final'
            else named
        end as list,
        case
            when named in ('best_single', 'best_member', 'opponent') then 'difference'
            when named = 'calibration' then 'calibration.' || rest
            else split_part(regexp_replace(rest, '\.(low|high)$', ''), '@', 1)
        end as metric,
        coalesce(substring(rest from '(?:^|\.)(low|high)$'), 'value') as part
    from parts
    where number is not null
)
select
    run_id, run_date, pool, list, metric,
    case
        when metric = 'difference' or metric like 'calibration.%' then null
        when metric = 'recall' then deep
        else k
    end as k,
    cast(max(number) filter (where part = 'value') as real) as value,
    cast(max(number) filter (where part = 'low') as real) as low,
    cast(max(number) filter (where part = 'high') as real) as high,
    coalesce(list = best_single, false) as is_best_single,
    gate
from numbers
where list is not null
group by run_id, run_date, pool, list, metric, numbers.k, deep, gate, best_single
having max(number) filter (where part = 'value') is not null
