-- one row: the first night that a staged row arrived on
select min(arrival) as first
from (
    select arrival from staged_events
    union all
    select arrival from staged_rejects
    union all
    select arrival from staged_items
)
where arrival <= $last::date
