-- table raw_files: one row per log file, with the _row of its first data row
create or replace table raw_files as
select _file, min(_row) as first_row
from raw
group by _file
