-- staged_lines: what arrives on a finished night that did not decide on it arrives tonight
update staged_lines
set arrival = $night::date
from (from late_entries where what = 'line' and is_taken) as late
where staged_lines._file = late._file and staged_lines.line = late.number
