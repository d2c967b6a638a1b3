-- table wanted: one row per judged night, wish, user and item acted on in the wish's days after it, as far as they have
-- passed. A wish is what surfaces recommend for: which events count, on which items, within how many days.
-- is_new: the user had never acted on the item by that night.
create or replace table wanted as
with nights as (
    select distinct run_date from judged_runs
),
acted as (
    select distinct nights.run_date, wishes.wish, since.user_id, since.item_id
    from nights
    cross join wishes
    join since
        on since.day > nights.run_date
        and since.day <= nights.run_date + wishes.horizon_days
        and since.arrival > nights.run_date
    left join wished_items on wished_items.wish = wishes.wish and wished_items.item_id = since.item_id
    where (not wishes.is_limited or wished_items.item_id is not null)
        and case
            when len(wishes.goal) = 0 then since.is_label
            else since.speaks_for and list_contains(wishes.goal, since.event_type)
        end
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
    acted.wish,
    acted.user_id,
    acted.item_id,
    coalesce(first_days.first_day > acted.run_date, true) as is_new,
    coalesce(item_buckets.bucket, 'cold') as item_bucket
from acted
left join first_days using (user_id, item_id)
left join item_buckets using (run_date, item_id)
