-- one row per slot that was drawn by chance and is logged as shown, of users for whom the judged run has an item at that rank:
-- surface, user and rank, with which chance the slot showed what it did, whether that was clicked, and whether the judged run
-- shows the same item there. What is logged again is one row.
with events as (
    select user_id, item_id, event_type, surface, rank_shown, run_id_shown, propensity
    from (
        from read_parquet($partitions, union_by_name = true, hive_partitioning = false)
        union all by name
        select null::double as propensity where false -- nights from before there was the column
    )
    where run_id_shown is not null and user_id is not null
),
shown as (
    select run_id_shown, surface, user_id, rank_shown, item_id, min(propensity) as chance
    from events
    where propensity < 1 and surface is not null and rank_shown is not null
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
),
judged as (
    select surface, user_id, rank, item_id from read_parquet($lists, hive_partitioning = false)
)
select
    shown.surface, shown.user_id, shown.rank_shown as rank, shown.chance,
    clicked.item_id is not null as is_clicked,
    judged.item_id = shown.item_id as is_judged
from shown
join judged on shown.surface = judged.surface and shown.user_id = judged.user_id and shown.rank_shown = judged.rank
left join clicked
    on shown.run_id_shown = clicked.run_id_shown and shown.surface = clicked.surface
    and shown.user_id = clicked.user_id and shown.item_id = clicked.item_id
order by shown.surface, shown.user_id, shown.run_id_shown, rank, shown.item_id
