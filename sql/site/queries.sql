-- One row per file of queries, of those that begin with $part: [[query, [[item_id, title, share]]]] as JSON.
with answers as (
    select
        query,
        string_agg(
            '[' || to_json(item_id) || ',' || to_json(coalesce(title, '')) || ',' || round(score, 4) || ']',
            ',' order by rank
        ) as list
    from search_results
    left join catalogue using (item_id)
    where rank <= $k and starts_with(md5(query), $part)
    group by query
)

select
    md5(query)[1:$digits] as shard,
    '[' || string_agg('[' || to_json(query) || ',[' || list || ']]', ',' order by query) || ']' as content
from answers
group by shard
order by shard
