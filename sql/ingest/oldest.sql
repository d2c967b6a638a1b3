-- one row: the first night on which a row of the log files arrives, be it left out by the mapping; the first of all days where of
-- some only the rows beside them say it, as any night may have counted these
select
    case when (select bool_or(is_nightless) from log_entries) then date '0001-01-01' else min(arrival) end as first
from log_entries
