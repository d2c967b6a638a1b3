-- one row per row of the log of which a mapping makes events: their ids
select _row, list(event_id order by event_id) as ids
from query_table($mapped)
group by _row
