-- A lock on a table that is not given soon is asked for again: waiting in its queue would make readers wait behind.
-- Longer than deadlock_timeout (1 s), after which an automatic vacuum gives way.
set lock_timeout = '5s';
set maintenance_work_mem = '256MB'
