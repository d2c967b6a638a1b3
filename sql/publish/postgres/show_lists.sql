-- One row per surface and rank: the first $k recommendations of a user in one run.
select %(run_id)s as run_id, {columns}
from {schema}.recommendations
where load = (select max(load) from {schema}.loads where run_id = %(run_id)s) and user_id = %(user_id)s and rank <= %(k)s
order by surface, rank
