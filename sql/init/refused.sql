-- one row per reason for which rows of a log are refused, the most frequent first
select reason, count(*) as rows
from staged_rejects
group by reason
order by rows desc, reason
