-- one row per night with events: the earliest day that one of its events happened
with events as (
    select arrival, day from events
    union all
    select arrival, day from impressions
)
select arrival, date '1970-01-01' + min(day)::integer as earliest
from events
group by arrival
order by arrival
