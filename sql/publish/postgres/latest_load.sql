select load, beside from {schema}.loads where run_id = %(run_id)s order by load desc limit 1
