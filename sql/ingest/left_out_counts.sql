-- one row per night of the range on which rows arrive that the mapping leaves out: how many
select arrival as night, count(*) as rows
from staged_left_out
where arrival between $first::date and $last::date
group by arrival
order by arrival
