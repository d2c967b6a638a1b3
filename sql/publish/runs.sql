-- One row per run that this run's file remembers, newest night first.
select run_id, run_date, published_at, code_version, config_hash, metrics
from runs
order by run_date desc, run_id desc
