-- One row per run that this run's file remembers, newest night first.
from runs
order by run_date desc, run_id desc
