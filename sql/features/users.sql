-- one row per known user
select user_index, user_id
from user_index
order by user_index
