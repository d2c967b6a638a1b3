-- What one schema holds beside the tables of create_table.sql. `load` numbers the loads of runs: it is the partition of
-- the rows, so the run's id is stored once per run and not once per row, and loading a run again never touches the rows
-- that readers see.
-- Text that is looked up is compared byte by byte ("C"): the order of an index does not depend on the operating system's
-- locale data.
create table if not exists {schema}.runs (
    {columns},
    primary key (run_id)
);
create sequence if not exists {schema}.load_numbers as integer;
-- One row per loaded run that is whole. `beside`: the virtual transactions that were reading the tables when the
-- run's partitions were attached (null: not known yet); until they end, the run cannot become active.
create table if not exists {schema}.loads (
    load integer primary key,
    run_id text collate "C" not null references {schema}.runs,
    beside text[]
);
-- One row: what readers see.
create table if not exists {schema}.active_run (
    only_row boolean primary key default true check (only_row),
    load integer not null references {schema}.loads,
    run_id text collate "C" not null references {schema}.runs
);
create table if not exists {schema}.activations (
    number integer generated always as identity primary key,
    run_id text collate "C" not null references {schema}.runs,
    previous text collate "C" references {schema}.runs,
    published boolean not null,
    activated_at timestamptz not null default now()
)
