-- one row per file of the log: how many lines or rows of it were read, or refused as they cannot be
select name, max(rows + lines) as rows
from seen
group by name
