-- The rows that are there have none: it is nullable, and no table is written anew. The loads' own tables get it too.
alter table {table} add column {column}
