-- One row per rank: the first $k items for a query in one run.
select %(run_id)s as run_id, {columns}
from {schema}.search_results
where load = (select max(load) from {schema}.loads where run_id = %(run_id)s) and query = %(search)s and rank <= %(k)s
order by rank
