-- One row per loaded run: the newest night first, of one night the latest load first.
select l.run_id, max(l.load) as load
from {schema}.loads as l join {schema}.runs as r using (run_id)
group by l.run_id, r.run_date
order by r.run_date desc, max(l.load) desc
