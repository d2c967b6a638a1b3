-- one row per frequent query and item that people acted on after asking it, in the $days days up to the cut-off day; a query
-- that was searched for, and after which nobody chose anything, has one row without an item (item_index -1, clicks 0)
-- A query counts by the people who asked it, so that what one person typed, however often, is in no table.
with events as (from events),
event_types as (from event_types),
item_index as (from item_index),
searched as (from searched),
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
    union all
    select searched.query, item_index.item_index, searched.who
    from searched
    left join item_index using (item_id)
    where searched.day > $cutoff_day - $days and searched.day <= $cutoff_day
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
),
chosen as (
    select query, item_index, count(distinct who) as clicks
    from asked
    where who is not null and item_index is not null
    group by query, item_index
)
select
    numbered.query_index,
    query,
    numbered.users,
    coalesce(chosen.item_index, -1) as item_index,
    coalesce(chosen.clicks, 0) as clicks
from numbered
left join chosen using (query)
order by numbered.query_index, clicks desc, item_index
