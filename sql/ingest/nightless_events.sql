-- staged_events: those of which only the rows beside them say the night, and that are to arrive on another
update staged_events
set arrival = moved.arrival
from (from late_nightless where what = 'event') as moved
where staged_events.rowid = moved.number
