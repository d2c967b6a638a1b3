-- one row per function that a mapping may call: its answer depends on its arguments, or on the rows it is given, alone
select function_name
from duckdb_functions()
where internal and function_type in ('scalar', 'aggregate', 'window', 'macro')
group by function_name
having bool_and(
    case function_type
        when 'scalar' then stability = 'CONSISTENT' or function_name = 'error'
        when 'macro' then not regexp_matches(macro_definition, '(?i)current_|select |duckdb_|sleep')
        else true
    end
)
