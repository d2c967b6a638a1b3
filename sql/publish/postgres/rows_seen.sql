-- One row per row of a view that is of one run: what readers see of the active one.
select run_id, {columns}
from {relation}
where run_id = %(run_id)s
