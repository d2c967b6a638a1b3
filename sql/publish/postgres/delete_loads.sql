-- The loads of a run, but for what readers see; their tables become leftovers.
delete from {schema}.loads
where run_id = %(run_id)s and load not in (select load from {schema}.active_run)
