-- one row: the first and last night that staged rows arrived on, up to the last one asked for
select min(arrival) as first, max(arrival) as last
from (
    select arrival from staged_events
    union all
    select arrival from staged_rejects
    union all
    select arrival from staged_items
)
where arrival <= $last::date
