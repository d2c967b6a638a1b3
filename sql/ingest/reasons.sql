-- one row per reason: how many log rows were refused for it
select reason, count(*) as rows
from staged_rejects
where arrival between $first::date and $last::date
group by reason
order by rows desc, reason
