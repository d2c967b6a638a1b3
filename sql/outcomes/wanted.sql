-- table wanted: one row per judged night, user and item acted on in the $horizon_days after it, as far as they have passed.
-- is_new: the user had never acted on the item by that night.
create or replace table wanted as
with nights as (
    select distinct run_date from judged_runs
),
acted as (
    select distinct nights.run_date, since.user_id, since.item_id
    from nights
    join since
        on since.day > nights.run_date
        and since.day <= nights.run_date + $horizon_days::integer
        and since.arrival > nights.run_date
    where since.is_label
),
first_days as (
    select users.user_id, items.item_id, $run_date::date - round(history.first_age)::integer as first_day
    from read_parquet($interactions) as history
    join read_parquet($users) as users using (user_index)
    join read_parquet($items) as items using (item_index)
    semi join acted on acted.user_id = users.user_id and acted.item_id = items.item_id
)
select
    acted.run_date,
    acted.user_id,
    acted.item_id,
    coalesce(first_days.first_day > acted.run_date, true) as is_new,
    coalesce(item_buckets.bucket, 'cold') as item_bucket
from acted
left join first_days using (user_id, item_id)
left join item_buckets using (run_date, item_id)
