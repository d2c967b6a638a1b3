-- one row per night that has displaced events, oldest first
select distinct night
from displaced
order by night
