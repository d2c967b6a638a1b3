-- One row per night without a single log row, or of which the mapping leaves out all, of a weekday that usually has events.
select
    night,
    case
        when tonight.left_out > 0 then format('the mapping leaves out all {:,} log rows', tonight.left_out)
        else 'no log row at all'
    end
    || format('; the last {} {}s that had any had {:,} events', usual.nights, weekday, usual.events::bigint) as said
from tonight
join usual using (night)
where rows = 0
order by night
