-- one row: how many events are taken
select count(*) as taken
from staged_events
anti join duplicates using (_row)
where reason is null and arrival between $first::date and $last::date
