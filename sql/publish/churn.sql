-- One row per surface of both runs, means over users in both: `churn`, the share of the first $k items that are new;
-- `lost`, of their items that are still wanted the share that is gone (null: nobody had any), so that lists of articles
-- that live a day may change wholly.
with ours as (
    select surface, user_id, item_id from read_parquet($ours) where rank <= $k
),
theirs as (
    select surface, user_id, item_id from read_parquet($theirs) where rank <= $k
),
wanted_items as (from wanted_items),
kept as (
    select surface, user_id, count(*) as kept
    from ours semi join theirs using (surface, user_id, item_id)
    group by surface, user_id
),
sizes as (
    select surface, user_id, count(*) as items
    from ours semi join theirs using (surface, user_id)
    group by surface, user_id
),
losses as (
    select theirs.surface, theirs.user_id, 1 - count(ours.item_id) / count(*) as lost
    from theirs
    semi join wanted_items using (item_id)
    semi join sizes using (surface, user_id)
    left join ours using (surface, user_id, item_id)
    group by all
)
select surface, avg(1 - coalesce(kept, 0) / items) as churn, avg(lost) as lost
from sizes
left join kept using (surface, user_id)
left join losses using (surface, user_id)
group by surface
order by surface
