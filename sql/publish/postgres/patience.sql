-- A lock on a table that is not given soon is asked for again: waiting in its queue would make readers wait behind.
select set_config('lock_timeout', %(lock_timeout)s, false), set_config('maintenance_work_mem', '256MB', false)
