-- one row: the statement that makes the table $staged
select sql from duckdb_tables() where table_name = $staged
