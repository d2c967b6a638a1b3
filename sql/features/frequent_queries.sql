-- one row per query that enough people asked, the most frequent ones
-- A query counts by the people who asked it, so that what one person typed, however often, is in no table.
with asked as (from asked),
frequent as (
    select query, count(distinct who) as users
    from asked
    group by query
    having count(distinct who) >= $min_users
    order by users desc, query
    limit $most
)
select row_number() over (order by users desc, query) - 1 as query_index, query, users
from frequent
order by query_index
