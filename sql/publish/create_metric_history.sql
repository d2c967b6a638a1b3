-- One row per run, pool, list and metric, of what `runs` has as JSON: all.final.ndcg = 0.36, all.final.ndcg.low = 0.33,
-- all.best_single = als, all.best_single.difference = 0.01, gate = passed, k = 10, ... What was found since the
-- publication of earlier runs (since.*) is in recommendation_outcomes. postgres/create_metric_history.sql says the same.
create view {view} as
with said as (
    select run_id, run_date, cast(cast(case when json_valid(metrics) then metrics else '{{}}' end as json) as map(varchar, json)) as said
    from runs
),
entries as (
    select
        run_id, run_date, said,
        try_cast(said['k'] ->> '$' as integer) as k,
        try_cast(said['deep'] ->> '$' as integer) as deep,
        said['gate'] ->> '$' as gate,
        unnest(map_entries(said)) as entry
    from said
),
parts as (
    select
        run_id, run_date, said, k, deep, gate,
        split_part(entry.key, '.', 1) as pool,
        split_part(entry.key, '.', 2) as named,
        substr(entry.key, length(split_part(entry.key, '.', 1)) + length(split_part(entry.key, '.', 2)) + 3) as rest,
        try_cast(entry.value ->> '$' as double) as number
    from entries
    where entry.key like '%.%.%' and regexp_matches(split_part(entry.key, '.', 1), '^(.*-)?(all|new)$')
),
numbers as (
    select
        run_id, run_date, pool, k, deep, gate, number,
        said[pool || '.best_single'] ->> '$' as best_single,
        case
            when named in ('best_single', 'best_member', 'opponent') then said[pool || '.' || named] ->> '$'
            when named = 'calibration' then 'final'
            else named
        end as list,
        case
            when named in ('best_single', 'best_member', 'opponent') then 'difference'
            when named = 'calibration' then 'calibration.' || rest
            else split_part(regexp_replace(rest, '\.(low|high)$', ''), '@', 1)
        end as metric,
        case when regexp_matches(rest, '(^|\.)(low|high)$') then split_part('.' || rest, '.', -1) else 'value' end as part
    from parts
    where isfinite(number)
)
select
    run_id, run_date, pool, list, metric,
    case
        when metric = 'difference' or metric like 'calibration.%' then null
        when metric = 'recall' then deep
        else k
    end as k,
    cast(max(number) filter (where part = 'value') as float) as value,
    cast(max(number) filter (where part = 'low') as float) as low,
    cast(max(number) filter (where part = 'high') as float) as high,
    coalesce(list = best_single, false) as is_best_single,
    gate
from numbers
where list is not null
group by run_id, run_date, pool, list, metric, numbers.k, deep, gate, best_single
having max(number) filter (where part = 'value') is not null
