-- One row per file of items, of those that begin with $part: [item] as JSON, where an item is [item_id, title, category,
-- price, currency, kind, first seen, available or null, [[similar item_id, title, score]], [[surface, users who see it among
-- their first $k, mean rank]], [[source, rows]], [[reason, rows]], [[segment, rank]], [[audience, [user_id]]]].
with part as materialized (
    select md5(item_id)[1:$digits] as shard, * from catalogue where starts_with(md5(item_id), $part)
),

mine as materialized (
    select shown.* from shown semi join part using (item_id)
),

likeness as (
    select
        s.item_id,
        string_agg(
            '[' || to_json(s.similar_item_id) || ',' || to_json(coalesce(c.title, '')) || ',' || round(s.score, 3) || ']',
            ',' order by s.rank
        ) as list
    from similar_items as s
    semi join part using (item_id)
    left join catalogue as c on c.item_id = s.similar_item_id
    where s.rank <= $k
    group by s.item_id
),

seen as (
    select item_id, surface, count(*) as users, avg(rank) as rank from mine group by item_id, surface
),

exposure as (
    select
        item_id,
        string_agg('["' || surface || '",' || users || ',' || round(rank, 1) || ']', ',' order by surface) as list
    from seen
    group by item_id
),

origin as (
    select item_id, string_agg('[' || to_json(source) || ',' || rows || ']', ',' order by rows desc, source) as list
    from (select item_id, source, count(*) as rows from mine group by item_id, source)
    group by item_id
),

said as (
    select
        item_id,
        reason,
        count(*) as rows,
        row_number() over (partition by item_id order by count(*) desc, reason) as place
    from mine
    group by item_id, reason
),

reasons as (
    select item_id, string_agg('[' || to_json(reason) || ',' || rows || ']', ',' order by place) as list
    from said
    where place <= 5
    group by item_id
),

popularity as (
    select item_id, string_agg('[' || to_json(segment) || ',' || rank || ']', ',' order by rank, segment) as list
    from popular_items
    group by item_id
),

audience as (
    select about as item_id, audience, string_agg(to_json(user_id), ',' order by rank) as users
    from audiences
    where rank <= $k and $people
    group by about, audience
),

audiences_of as (
    select item_id, string_agg('[' || to_json(audience) || ',[' || users || ']]', ',' order by audience) as list
    from audience
    group by item_id
)

select
    shard,
    '[' || string_agg(
        '[' || to_json(part.item_id) || ',' || to_json(part.title) || ',' || to_json(coalesce(part.category, '')) || ','
        || coalesce(round(part.price, 2)::varchar, 'null') || ',' || to_json(coalesce(part.currency, '')) || ','
        || to_json(part.kind) || ',' || to_json(coalesce(strftime(part.first_seen, '%Y-%m-%d'), '')) || ',' || coalesce(part.available::varchar, 'null') || ',['
        || coalesce(likeness.list, '') || '],[' || coalesce(exposure.list, '') || '],[' || coalesce(origin.list, '')
        || '],[' || coalesce(reasons.list, '') || '],[' || coalesce(popularity.list, '') || '],['
        || coalesce(audiences_of.list, '') || ']]',
        ',' order by part.item_id
    ) || ']' as content
from part
left join likeness on likeness.item_id = part.item_id
left join exposure on exposure.item_id = part.item_id
left join origin on origin.item_id = part.item_id
left join reasons on reasons.item_id = part.item_id
left join popularity on popularity.item_id = part.item_id
left join audiences_of on audiences_of.item_id = part.item_id
group by shard
order by shard
