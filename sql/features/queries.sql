-- one row per frequent query and item that people acted on after asking it; a query that was searched for, and after which nobody
-- chose anything, has one row without an item (item_index -1, clicks 0)
with asked as (from asked),
frequent as (from frequent),
chosen as (
    select query, item_index, count(distinct who) as clicks
    from asked
    where who is not null and item_index is not null
    group by query, item_index
)
select
    frequent.query_index,
    query,
    frequent.users,
    coalesce(chosen.item_index, -1) as item_index,
    coalesce(chosen.clicks, 0) as clicks
from frequent
left join chosen using (query)
order by frequent.query_index, clicks desc, item_index
