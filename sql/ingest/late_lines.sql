-- staged_lines: what arrives on a finished night that did not decide on it arrives tonight
update staged_lines
set arrival = $night::date
from decided
where staged_lines._file = decided._file and staged_lines.arrival = decided.arrival and staged_lines.number > decided.lines
