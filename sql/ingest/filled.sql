-- one row: how many rows a mapping gives that have a value, of each of some columns
select count(columns(lambda name: list_contains($names::varchar[], name)))
from query_table($mapped)
