insert into {schema}.loads (load, run_id) values (%(load)s, %(run_id)s)
