-- table raw_files: one row per log file, with the _row of its first and of its last data row
create or replace table raw_files as
select _file, min(_row) as first_row, max(_row) as last_row
from raw
group by _file
