-- One row per run that was ever published, newest night first.
select run_id, run_date, published_at, code_version, config_hash, metrics
from {schema}.runs
order by run_date desc, run_id desc
