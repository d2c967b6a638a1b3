-- one row: how many events are taken
with staged as (select rowid as event, * from staged_events)
select count(*) as taken
from staged
anti join duplicates using (event)
where reason is null and arrival between $first::date and $last::date
