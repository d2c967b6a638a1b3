-- One row, after the first publication: which version of Nightjar's tables the schema has (pipeline/published/contract.py,
-- SCHEMA_VERSION). Without a row they are older than this table. Publishers lock it, see lock.sql.
create table if not exists {schema}.schema_version (
    only_row boolean primary key default true check (only_row),
    version integer not null,
    since timestamptz not null default now()
)
