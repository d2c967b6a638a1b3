-- one row per user the lists are made for
select distinct user_index
from chosen
order by user_index
