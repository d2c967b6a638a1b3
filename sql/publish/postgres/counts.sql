-- One row: the rows of a table in one run, and the different things they are about.
select count(*), count(distinct {column})
from {table}
where load = (select max(load) from {schema}.loads where run_id = %(run_id)s)
