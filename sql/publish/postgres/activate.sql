insert into {schema}.active_run (load, run_id) values (%(load)s, %(run_id)s)
on conflict (only_row) do update set load = excluded.load, run_id = excluded.run_id
