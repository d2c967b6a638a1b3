-- One row per judged run, surface, source ('all': whatever the source) and bucket of users or of items.
-- Metrics as in pipeline.arrays.metrics; a source's NDCG and recall are its part of the list's, so the sources' add up.
with placed as (
    select
        listed.*,
        wanted.item_id is not null as hit,
        coalesce(item_buckets.bucket, 'cold') as item_bucket
    from listed
    left join wanted
        on wanted.run_date = listed.run_date
        and wanted.wish = listed.wish
        and wanted.user_id = listed.user_id
        and wanted.item_id = listed.item_id
        and (listed.repeats or wanted.is_new)
    left join item_buckets on item_buckets.run_date = listed.run_date and item_buckets.item_id = listed.item_id
),
-- one row per run, surface, user, source or 'all', and bucket of items or 'everyone'
found as (
    select
        run_id,
        surface,
        user_id,
        coalesce(source, 'all') as source,
        coalesce(item_bucket, 'everyone') as item_bucket,
        count(*) filter (rank <= $k) as shown,
        count(*) filter (rank <= $k and hit) as hits,
        count(*) filter (hit) as deep_hits,
        coalesce(whole(sum(units(1 / log2(rank + 1))) filter (rank <= $k and hit)), 0) as gained
    from placed
    group by grouping sets (
        (run_id, surface, user_id),
        (run_id, surface, user_id, source),
        (run_id, surface, user_id, item_bucket),
        (run_id, surface, user_id, source, item_bucket)
    )
),
valued as (
    select
        found.*,
        judged.user_bucket,
        gained / ($ideal::double[])[least(judged.wanted, $k)] as ndcg,
        deep_hits / judged.wanted as recall
    from found
    join judged using (run_id, surface, user_id, item_bucket)
),
sizes as (
    select run_id, surface, item_bucket, coalesce(user_bucket, 'everyone') as user_bucket, count(*) as users
    from judged
    group by grouping sets ((run_id, surface, item_bucket), (run_id, surface, item_bucket, user_bucket))
),
summed as (
    select
        run_id,
        surface,
        source,
        item_bucket,
        coalesce(user_bucket, 'everyone') as user_bucket,
        sum(shown) as shown,
        sum(hits) as hits,
        count(*) filter (hits > 0) as users_with_hits,
        whole(sum(units(ndcg))) as ndcg,
        whole(sum(units(ndcg * ndcg))) as squares,
        whole(sum(units(recall))) as recall
    from valued
    group by grouping sets ((run_id, surface, source, item_bucket), (run_id, surface, source, item_bucket, user_bucket))
),
really as (
    select
        run_id,
        surface,
        coalesce(source, 'all') as source,
        coalesce(item_bucket, 'everyone') as item_bucket,
        coalesce(user_bucket, 'everyone') as user_bucket,
        count(*) as impressions,
        count(*) filter (clicked) as clicks
    from exposed
    group by grouping sets (
        (run_id, surface),
        (run_id, surface, source),
        (run_id, surface, item_bucket),
        (run_id, surface, source, item_bucket),
        (run_id, surface, user_bucket),
        (run_id, surface, source, user_bucket)
    )
),
final as (
    select
        run_id as judged_run_id,
        judged_runs.was_active,
        least($run_date::date - judged_runs.run_date, coalesce(surfaces.horizon_days, $horizon_days::integer)) as days,
        summed.surface,
        source,
        case when item_bucket <> 'everyone' then 'items' when user_bucket <> 'everyone' then 'users' else 'overall' end
            as bucket_kind,
        case when item_bucket <> 'everyone' then item_bucket else user_bucket end as bucket,
        users,
        shown,
        hits,
        users_with_hits / users as hit_rate,
        hits / nullif(shown, 0) as precision,
        ndcg / users as ndcg,
        1.96 * sqrt(greatest(squares / users - (ndcg / users) * (ndcg / users), 0) / users) as half,
        recall / users as recall,
        coalesce(impressions, 0) as impressions,
        coalesce(clicks, 0) as clicks
    from summed
    join sizes using (run_id, surface, item_bucket, user_bucket)
    join judged_runs using (run_id)
    left join surfaces on surfaces.surface = summed.surface
    left join really using (run_id, surface, source, item_bucket, user_bucket)
    where 'everyone' in (item_bucket, user_bucket)
)
select
    judged_run_id, was_active, days, surface, source, bucket_kind, bucket, users, shown, hits, hit_rate,
    coalesce(precision, 0) as precision,
    ndcg, ndcg - half as ndcg_low, ndcg + half as ndcg_high, recall, impressions, clicks
from final
order by judged_run_id desc, surface, source, bucket_kind, bucket
