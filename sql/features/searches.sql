-- one row per query that enough people searched for in the $days days up to the cut-off day: how often nothing was chosen after
-- it, how often something else was asked instead, and what most people asked instead, if enough did
with searched as (from searched),
recent as (select * from searched where day > $cutoff_day - $days and day <= $cutoff_day),
own as (
    select query, count(distinct who) as users, count(*) as searches, count(case when not is_found then 1 end) as in_vain
    from recent
    where item_id is null
    group by query
    having count(distinct who) >= $min_users
),
retried as (
    select query, count(distinct (who, place)) as asked_again
    from recent
    where item_id is not null
    group by query
),
others as (
    select query, other_query, count(distinct who) as people
    from recent
    where item_id is not null
    group by query, other_query
    having count(distinct who) >= $min_users
),
ranked as (
    select query, other_query, row_number() over (partition by query order by people desc, other_query) as place
    from others
)
select
    own.query, own.users, own.searches, own.in_vain, coalesce(retried.asked_again, 0) as asked_again,
    ranked.other_query as asked_instead
from own
left join retried on retried.query = own.query
left join ranked on ranked.query = own.query and ranked.place = 1
order by own.in_vain desc, own.searches desc, own.query
limit $most
