-- one row, or none: a file as a mapping's rows name it that is no log file
with claimed as (select distinct _file::varchar as _file from query_table($mapped)),
files as (from log_files)
select claimed._file, false as is_known
from claimed
anti join files using (_file)
order by all
limit 1
