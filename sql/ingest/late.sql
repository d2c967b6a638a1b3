-- staged_events: what arrives on a finished night that did not decide on it arrives tonight
update staged_events
set arrival = $night::date
from (from late_entries where what = 'event' and is_taken) as late
where staged_events.rowid = late.number
