-- As try_lock.sql, and waits.
select pg_advisory_lock(hashtextextended('nightjar publishes ' || %(schema)s, 0))
