-- One row per run that was ever published, newest night first.
select run_id, {columns}
from {schema}.runs
order by run_date desc, run_id desc
