-- one row per frequent query and item that people acted on after asking it, in the $days days up to the cut-off day
-- A query counts by the people who asked it, so that what one person typed, however often, is in no table.
with events as (from events),
event_types as (from event_types),
item_index as (from item_index),
asked as (
    select
        events.query,
        item_index.item_index,
        coalesce('u' || events.user_id, 's' || events.session_id) as who
    from events
    join event_types using (event_type)
    join item_index using (item_id)
    where
        events.query is not null
        and length(events.query) <= 200
        and events.arrival <= $arrived_by::date
        and events.day > $cutoff_day - $days
        and events.day <= $cutoff_day
        and event_types.weight > 0
),
frequent as (
    select query, count(distinct who) as users
    from asked
    group by query
    having count(distinct who) >= $min_users
    order by users desc, query
    limit $most
),
numbered as (
    select query, users, row_number() over (order by users desc, query) - 1 as query_index
    from frequent
)
select
    numbered.query_index,
    query,
    numbered.users,
    asked.item_index,
    count(distinct asked.who) as clicks
from asked
join numbered using (query)
where asked.who is not null
group by all
order by numbered.query_index, clicks desc, asked.item_index
