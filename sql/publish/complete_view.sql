-- A table of an older file with the columns that came since, of which it knows nothing. The file's own view of the table
-- looks the name up in the connection's temporary schema first, so it has them too.
create temporary view {view} as select *, {columns} from {table}
