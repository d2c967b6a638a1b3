-- table raw: one row per row of log_lines, numbered: _row is 1, 2, ... over all files
create or replace table raw as
select *, row_number() over () as _row
from log_lines
