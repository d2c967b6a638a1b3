-- One row per night without a single log row, of a weekday that usually has events.
select
    night,
    format('no log row at all; the last {} {}s that had any had {:,} events', usual.nights, weekday, usual.events::bigint) as said
from tonight
join usual using (night)
where rows = 0
order by night
