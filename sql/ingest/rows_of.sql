-- one row: how many rows a table has, which are numbered from 1
select count(*) as rows
from query_table($table)
