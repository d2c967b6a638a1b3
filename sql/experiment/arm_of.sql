-- one row per user, in their order: the code of the arm, -1 for who is in none
with placed as (
    select position, bucket($salt, user_id) as bucket from users
)
select coalesce(arms.code, -1)::tinyint as code
from placed
left join arms on arms.low <= placed.bucket and placed.bucket < arms.high
order by position
