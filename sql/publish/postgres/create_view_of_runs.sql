-- The active run; the table has every run that was ever published.
create or replace view {view} as
select {columns}
from {schema}.runs
where run_id = (select run_id from {schema}.active_run)
