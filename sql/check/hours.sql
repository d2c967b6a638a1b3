-- one row per hour of the shop's clock: how many events
select hour(event_time) as hour, count(*) as events
from checked
where event_time <> date_trunc('day', event_time)
group by hour
order by hour
