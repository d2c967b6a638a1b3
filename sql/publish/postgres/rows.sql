-- One row per row of a table in one run.
select %(run_id)s as run_id, {columns}
from {relation}
where load = (select max(load) from {schema}.loads where run_id = %(run_id)s)
