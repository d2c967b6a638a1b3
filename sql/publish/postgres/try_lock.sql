-- One publisher at a time, per schema; the server releases the lock of a connection that ends.
select pg_try_advisory_lock(hashtextextended('nightjar publishes ' || %(schema)s, 0))
