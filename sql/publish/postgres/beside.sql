-- One row per transaction that has read the tables: its number, and the server process a message can name.
select distinct l.virtualtransaction, l.pid
from pg_locks as l
join pg_class as c on c.oid = l.relation
join pg_namespace as n on n.oid = c.relnamespace
where l.locktype = 'relation'
    and l.database = (select oid from pg_database where datname = current_database())
    and l.granted
    and l.pid <> pg_backend_pid()
    and n.nspname = %(schema)s
    and c.relname = any (%(tables)s)
