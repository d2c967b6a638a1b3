-- one row: of the pairs of a user and an item with an action of the goal that are known for $days at least, how many there
-- are, and of how many the user came back on a later day
with ends as (select max(day) as last from checked),
pairs as (
    select user_id, item_id, min(day) as first, max(day) as latest
    from checked
    where is_goal and user_id is not null
    group by user_id, item_id
)
select count(*) as pairs, count(*) filter (latest > first) as repeated
from pairs, ends
where ends.last - first >= $days
