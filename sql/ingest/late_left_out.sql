-- staged_left_out: what arrives on a finished night that did not decide on it arrives tonight
update staged_left_out
set arrival = $night::date
from (from late_entries where what = 'left out' and is_taken) as late
where staged_left_out._row = late.number
