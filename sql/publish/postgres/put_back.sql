-- What a message tells an administrator to run; see add_column.sql.
alter table {table} add column {column}
