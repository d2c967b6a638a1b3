-- Two roles for one schema, by an administrator, once per database; running it again changes nothing:
--
--     psql ADMINISTRATOR_DSN -v ON_ERROR_STOP=1 -f sql/publish/postgres/roles.sql
--     psql ADMINISTRATOR_DSN -c '\password nightjar_writer' -c '\password nightjar_reader'
--
-- nightjar_writer owns the schema and can write nowhere else: NIGHTJAR_DSN connects as this role. nightjar_reader can
-- read the current_* views, metric_history and stage_runs, and nothing else: applications connect as this role, or as members of it. Other names:
-- -v schema=..., -v writer=..., -v reader=... (publish.schema_name is the schema's).
\if :{?schema} \else \set schema nightjar \endif
\if :{?writer} \else \set writer nightjar_writer \endif
\if :{?reader} \else \set reader nightjar_reader \endif

begin;
select format('create role %I login', wanted.name)
from unnest(array[:'writer', :'reader']) as wanted (name)
where not exists (select from pg_roles where rolname = wanted.name) \gexec

-- Nobody makes objects where every role's unqualified names may find them (the default since PostgreSQL 15). This holds
-- for the whole database, not only for Nightjar's roles: in one that is shared, whoever else makes objects in schema
-- public without a grant of their own cannot any more. Its owner gives it back, role by role, with
-- grant create on schema public to ROLE.
revoke create on schema public from public;

select format('create schema %I authorization %I', :'schema', :'writer')
where not exists (select from pg_namespace where nspname = :'schema') \gexec

revoke all on schema :"schema" from public;
grant usage on schema :"schema" to :"reader";

-- The views there are; the publisher grants those it makes to whoever has usage on the schema.
select format('grant select on %I.%I to %I', n.nspname, c.relname, :'reader')
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = :'schema'
    and (c.relkind = 'v' and c.relname like 'current\_%' or c.relname in ('metric_history', 'stage_runs')) \gexec

-- A flip waits for transactions that are older than its run, so an application must not keep one open. Shorter than
-- publish.settle_seconds.
alter role :"reader" set idle_in_transaction_session_timeout = '30s';
alter role :"reader" set statement_timeout = '30s';
alter role :"reader" set default_transaction_read_only = on;
alter role :"reader" set search_path = :"schema";
alter role :"writer" set search_path = :"schema";
commit;
