-- One row per run and stage, of every run that was ever published. Readers see the table itself.
create table if not exists {table} (
    {columns},
    primary key ({key})
)
