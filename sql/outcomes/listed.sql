-- table listed: one row per judged run, surface, user who has acted on something since, and rank up to $deep.
create or replace table listed as
select
    lists.run_id,
    judged_runs.run_date,
    lists.surface,
    coalesce(surfaces.repeats, true) as repeats,
    coalesce(surfaces.wish, '') as wish,
    lists.user_id,
    lists.rank,
    lists.item_id,
    lists.source
from read_parquet($lists, hive_partitioning = false) as lists
join judged_runs using (run_id)
left join surfaces using (surface)
semi join wanted
    on wanted.run_date = judged_runs.run_date
    and wanted.wish = coalesce(surfaces.wish, '')
    and wanted.user_id = lists.user_id
where lists.rank <= $deep
