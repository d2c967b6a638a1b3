-- One published table, in the columns' physical order: see pipeline/published/targets/definitions.py.
create table if not exists {table} (
    load integer not null,
    {columns}
) partition by list (load)
