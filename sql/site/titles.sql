-- One row per file of keys, of those that begin with $part: [[item_id, title, users who see it]] as JSON, the item that
-- most see first.
select
    shard,
    '[' || string_agg(
        '[' || to_json(item_id) || ',' || to_json(title) || ',' || users || ']', ',' order by users desc, item_id
    ) || ']' as content
from words
where starts_with(shard, $part)
group by shard
order by shard
