-- one row per CSV file of which anything was read: its rows, the refused ones included, whether a row was refused, and
-- whether one was for its quotation marks
with counted as (
    select _file, count(*) as rows, 0 as refused, 0 as quotes from raw group by _file
    union all
    select _file, count(*), count(*), count_if(reason = 'unreadable: unquoted value') from unreadable group by _file
)
select _file, sum(rows)::bigint as rows, sum(refused) > 0 as refused, sum(quotes) > 0 as quotes
from counted
group by _file
