-- one row: the first night on which a row of the log files arrives, be it left out by the mapping
select min(arrival) as first
from (
    select min(arrival) as arrival from staged_events
    union all
    select min(arrival) from staged_lines
    union all
    select min(arrival) from staged_left_out
)
