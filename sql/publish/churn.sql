-- One row per surface of both runs: the mean, over users in both, of the share of the first $k items that are new.
with ours as (
    select surface, user_id, item_id from read_parquet($ours) where rank <= $k
),
theirs as (
    select surface, user_id, item_id from read_parquet($theirs) where rank <= $k
),
kept as (
    select surface, user_id, count(*) as kept
    from ours semi join theirs using (surface, user_id, item_id)
    group by surface, user_id
),
sizes as (
    select surface, user_id, count(*) as items
    from ours semi join theirs using (surface, user_id)
    group by surface, user_id
)
select surface, avg(1 - coalesce(kept, 0) / items) as churn
from sizes left join kept using (surface, user_id)
group by surface
order by surface
