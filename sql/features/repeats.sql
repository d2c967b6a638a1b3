-- one row: of the pairs with an action of the goal by the cut-off that are known for $days at least, how many there are,
-- and of how many the user came back to the item on a later day
select
    count(*) as pairs,
    count(*) filter (last_age < first_age) as repeated
from interactions
where kept > 0 and first_age >= $days
