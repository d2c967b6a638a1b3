-- table judged: one row per judged run, surface, user with a list and something to find, and bucket of items; under
-- 'everyone' all items. wanted: how many there were to find.
create or replace table judged as
with people as (
    select distinct run_id, run_date, surface, repeats, wish, user_id from listed
),
segments as (
    select run_id, user_id, segment from read_parquet($profiles, hive_partitioning = false)
)
select
    people.run_id,
    people.surface,
    people.user_id,
    coalesce(any_value(segments.segment), 'new') as user_bucket,
    coalesce(wanted.item_bucket, 'everyone') as item_bucket,
    count(*)::integer as wanted
from people
join wanted using (run_date, wish, user_id)
left join segments using (run_id, user_id)
where people.repeats or wanted.is_new
group by grouping sets (
    (people.run_id, people.surface, people.user_id),
    (people.run_id, people.surface, people.user_id, wanted.item_bucket)
)
