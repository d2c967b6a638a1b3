-- Loads of a run that was loaded again since, but for what readers see.
delete from {schema}.loads as l
where l.load not in (select load from {schema}.active_run)
    and exists (select from {schema}.loads as later where later.run_id = l.run_id and later.load > l.load)
