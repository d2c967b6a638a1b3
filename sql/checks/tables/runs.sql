-- One row per table whose rows are not all of the one run that is published; `stamped` has the runs of every table.
select name || ' has rows of run ' || run_id
from stamped anti join runs using (run_id)
union all
select 'runs has ' || count(*) || ' rows, not one'
from runs
having count(*) <> 1
order by all
