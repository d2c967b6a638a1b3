-- One row: the user's profile in one run; none for a user nobody knows.
select %(run_id)s as run_id, {columns}
from {schema}.user_profiles
where load = (select max(load) from {schema}.loads where run_id = %(run_id)s) and user_id = %(user_id)s
