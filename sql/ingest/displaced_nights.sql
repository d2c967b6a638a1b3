-- one row per night that has displaced events, oldest first: how many, and how many are other events under the same id
select night, count(*) as events, count(*) filter (reason = 'its event_id is another event''s') as others
from displaced
group by night
order by night
