-- table exposed: one row per recommendation of a judged run that the application says it showed, and whether it was clicked.
create or replace table exposed as
with nights as (
    select run_id, run_date from judged_runs
),
said as (
    select since.run_id_shown as run_id, since.user_id, since.item_id, since.surface, bool_or(since.is_click) as clicked
    from since
    join nights on nights.run_id = since.run_id_shown
    where since.arrival > nights.run_date
        and since.day > nights.run_date
        and since.day <= nights.run_date + $horizon_days::integer
    group by all
),
segments as (
    select run_id, user_id, segment from read_parquet($profiles, hive_partitioning = false)
)
select
    lists.run_id,
    lists.surface,
    lists.source,
    lists.user_id,
    lists.item_id,
    coalesce(any_value(segments.segment), 'new') as user_bucket,
    coalesce(any_value(item_buckets.bucket), 'cold') as item_bucket,
    bool_or(said.clicked) as clicked
from read_parquet($lists, hive_partitioning = false) as lists
join said
    on said.run_id = lists.run_id
    and said.user_id = lists.user_id
    and said.item_id = lists.item_id
    and coalesce(said.surface, lists.surface) = lists.surface
join nights on nights.run_id = lists.run_id
left join segments on segments.run_id = lists.run_id and segments.user_id = lists.user_id
left join item_buckets on item_buckets.run_date = nights.run_date and item_buckets.item_id = lists.item_id
group by lists.run_id, lists.surface, lists.source, lists.user_id, lists.item_id
