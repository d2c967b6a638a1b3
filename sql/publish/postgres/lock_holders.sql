-- One row per server process that holds the publishers' lock, or another one that keeps them from taking it: what a
-- message says of it. A process of another role may hide since when.
select
    l.pid, coalesce(a.application_name, ''), coalesce(a.usename, '?'), coalesce(host(a.client_addr), 'the local socket'),
    coalesce(to_char(a.xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), '?')
from pg_locks as l
left join pg_stat_activity as a on a.pid = l.pid
where l.locktype = 'relation'
    and l.granted
    and l.database = (select oid from pg_database where datname = current_database())
    and l.relation = to_regclass(quote_ident(%(schema)s) || '.schema_version')
    and l.mode not in ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
    and l.pid <> pg_backend_pid()
order by l.pid
