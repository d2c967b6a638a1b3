-- one row per event that the night has to give up, and why
select event_id, reason
from displaced
where night = $night::date
