-- table drawn_slots: one row per slot that was drawn by chance and is logged as shown on one of the days: which item it showed,
-- with which chance, on which day first, and whether that was clicked. What is logged again is one row.
create or replace table drawn_slots as
with events as (
    select user_id, item_id, event_type, event_time::date as day, surface, rank_shown, run_id_shown, propensity
    from (
        from read_parquet($partitions, union_by_name = true, hive_partitioning = false)
        union all by name
        select null::double as propensity where false -- nights from before there was the column
    )
    where run_id_shown is not null and user_id is not null and event_time::date between $first::date and $last::date
),
shown as (
    select run_id_shown, surface, user_id, rank_shown, item_id, min(propensity) as chance, min(day) as day
    from events
    where propensity < 1 and surface is not null and rank_shown > 0
    group by all
),
clicks as (
    select distinct run_id_shown, surface, user_id, item_id
    from events
    where list_contains($click_types::varchar[], event_type)
),
clicked as (
    select distinct shown.run_id_shown, shown.surface, shown.user_id, shown.item_id
    from shown
    join clicks
        on shown.run_id_shown = clicks.run_id_shown and shown.user_id = clicks.user_id and shown.item_id = clicks.item_id
        and shown.surface = coalesce(clicks.surface, shown.surface)
)
select
    shown.surface, shown.user_id, shown.run_id_shown, shown.rank_shown as rank, shown.item_id, shown.chance,
    shown.day, clicked.item_id is not null as is_clicked, if(clicked.item_id is not null, 1.0, 0.0)::double as reward
from shown
left join clicked
    on shown.run_id_shown = clicked.run_id_shown and shown.surface = clicked.surface
    and shown.user_id = clicked.user_id and shown.item_id = clicked.item_id
