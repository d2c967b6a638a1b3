-- One row per file of users, of those that begin with $part: [[[item_id, title]], [reason], [user]] as JSON, where a user
-- is [user_id, segment, [category], events, last day, [[surface, [[item's place, score, reason's place, policy]]]]].
with part as materialized (
    from shown where starts_with(shard, $part)
),

places_of_items as (
    select shard, item_id, row_number() over (partition by shard order by item_id) - 1 as place
    from (select distinct shard, item_id from part)
),

places_of_reasons as (
    select shard, reason, row_number() over (partition by shard order by reason) - 1 as place
    from (select distinct shard, reason from part)
),

lists as (
    select
        part.shard,
        part.user_id,
        '[' || to_json(part.surface) || ',['
        || string_agg(
            '[' || i.place || ',' || round(part.score, 4) || ',' || r.place
            || case when part.policy is null then '' else ',' || to_json(part.policy) end || ']',
            ',' order by part.rank
        ) || ']]' as list
    from part
    join places_of_items as i using (shard, item_id)
    join places_of_reasons as r using (shard, reason)
    group by part.shard, part.user_id, part.surface
),

people as (
    select shard, user_id, string_agg(list, ',' order by list) as lists
    from lists
    group by shard, user_id
),

users as (
    select
        shard,
        string_agg(
            '[' || to_json(people.user_id) || ',' || to_json(coalesce(segment, '')) || ','
            || to_json(coalesce(top_categories, [])) || ',' || coalesce(events, 0) || ','
            || to_json(coalesce(strftime(last_event_time, '%Y-%m-%d'), '')) || ',[' || lists || ']]',
            ',' order by people.user_id
        ) as users
    from people
    left join profiles on profiles.user_id = people.user_id
    group by shard
),

items as (
    select shard, string_agg(to_json([item_id, coalesce(title, '')]), ',' order by item_id) as items
    from places_of_items
    left join catalogue using (item_id)
    group by shard
),

reasons as (
    select shard, string_agg(to_json(reason), ',' order by reason) as reasons
    from places_of_reasons
    group by shard
)

select shard, '[[' || items || '],[' || reasons || '],[' || users || ']]' as content
from users
join items using (shard)
join reasons using (shard)
order by shard
