-- one row per kind of behaviour that the mapping gives, the most frequent first: how many rows, and what their values are
select
    event_type, count(*) as rows, count(value) as valued, min(value) as least, max(value) as greatest,
    count(distinct value) as different
from staged_events
where event_type is not null
group by event_type
order by rows desc, event_type
limit $limit
