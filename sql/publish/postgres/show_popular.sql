-- One row per rank: the first $k items of a segment in one run.
select %(run_id)s as run_id, {columns}
from {schema}.popular_items
where load = (select max(load) from {schema}.loads where run_id = %(run_id)s) and segment = %(segment)s and rank <= %(k)s
order by rank
