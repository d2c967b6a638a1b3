select run_id, load from {schema}.active_run
