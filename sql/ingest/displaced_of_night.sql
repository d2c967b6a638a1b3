-- one row per event that the night has to give up
select event_id
from displaced
where night = $night::date
