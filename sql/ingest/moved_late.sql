-- one row per log file and night of which the night holds rows that are now another's
select distinct held.said, held.own
from held
join written_lines as written using (file, own)
where held.night = $night::date and held.night > written.arrival
