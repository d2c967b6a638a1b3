-- One row per construct that a surface's predicate must not use. The predicate is only parsed here, never run: what
-- remains allowed are the items' columns, constants, operators and functions whose result depends on their arguments
-- alone, so no file, other table, clock or random number can be reached.
with parsed as (
    select json_serialize_sql('select (' || $predicate || chr(10) || ') from items') as ast
),
nodes as (
    select node.key, json_extract_string(node.value, '$') as value, node.path
    from parsed, json_tree(parsed.ast) as node
),
pure_functions as (
    select function_name
    from duckdb_functions()
    where function_type = 'scalar'
    group by function_name
    having bool_and(stability = 'CONSISTENT')
),
columns as (
    select column_name from duckdb_columns() where table_name = 'items'
),
faults as (
    select 'it is not one expression' as fault
    from parsed
    where json_extract_string(ast, '$.error') = 'true' or json_array_length(ast, '$.statements') <> 1
    union
    select 'it has a ' || lower(value)
    from nodes
    where key = 'class' and value in ('SUBQUERY', 'WINDOW', 'STAR', 'PARAMETER', 'LAMBDA', 'DEFAULT')
    union
    select 'it calls ' || value
    from nodes
    where key = 'function_name' and value not in (select function_name from pure_functions)
    union
    select 'items has no column ' || value
    from nodes
    where path like '%.column_names' and value not in (select column_name from columns)
)
select fault from faults order by fault
