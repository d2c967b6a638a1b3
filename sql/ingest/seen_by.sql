-- one row per night of the range and log file of which rows arrive on it: how far it was read
select night, name, rows, lines, bytes, hash
from seen
where night between $first::date and $last::date
order by night, name
