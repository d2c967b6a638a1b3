-- one row: what a mapping gives, whatever its order, as a number per column; but for the numbers of its rows
select sum(hash(columns(lambda name: name <> '_row'))::hugeint)
from query_table($mapped)
