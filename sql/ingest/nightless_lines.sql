-- staged_lines: those of which only the rows beside them say the night, and that are to arrive on another
update staged_lines
set arrival = moved.arrival
from (from late_nightless where what = 'line') as moved
where staged_lines._file = moved._file and staged_lines.line = moved.number
