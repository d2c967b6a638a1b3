-- one row per query that anybody asked: the sum of what it is of each person's part, in whole steps
-- Of each person the $contributions queries last asked count, and each is as much of the person's part as the table
-- query_parts says for so many, so that a whole person moves all sums together by at most one part.
with asked as (from asked),
query_parts as (from query_parts),
latest as (
    select who, query, max(day) as day
    from asked
    where who is not null
    group by who, query
),
placed as (
    select who, query, row_number() over (partition by who order by day desc, query) as place
    from latest
),
kept as (
    select who, query, count(*) over (partition by who) as queries
    from placed
    where place <= $contributions
)
select kept.query, sum(part::hugeint) as steps
from kept
join query_parts using (queries)
group by kept.query
order by kept.query
