-- one row per night on which a row of the log arrived
select distinct arrival
from staged_events
where arrival <= $last::date
order by arrival
