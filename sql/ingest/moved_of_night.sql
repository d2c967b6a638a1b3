-- one row per refused row that the night has to give up: its place
select distinct said as file, row
from moved_rejects
where night = $night::date
