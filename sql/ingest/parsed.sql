-- one row: what the parser makes of a statement; it is not run
select json_serialize_sql($statement::varchar) as tree
