-- one row per sampled row of `raw`: at most $rows of them, spread evenly over the log
select * exclude (_row, _file)
from raw
where _row % (select count(*) // $rows + 1 from raw) = 0
order by _row
