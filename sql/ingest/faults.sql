-- one row per night of the range and fault of its inputs' rows, with how many rows have it
select night, input || ': ' || fault as fault, rows
from faults
where night between $first::date and $last::date
order by night, fault
