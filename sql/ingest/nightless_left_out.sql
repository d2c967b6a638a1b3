-- staged_left_out: those of which only the rows beside them say the night, and that are to arrive on another
update staged_left_out
set arrival = moved.arrival
from (from late_nightless where what = 'left out') as moved
where staged_left_out._row = moved.number
