-- one row, or none: there is such a table
select table_name from duckdb_tables() where table_name = $table
