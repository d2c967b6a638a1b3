-- one row: the first night that a row of a staged table arrived on
select min(arrival) as first
from query_table($staged)
where arrival <= $last::date
