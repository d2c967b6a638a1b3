-- table raw: rows of log_lines after those that it has, numbered on
insert into raw by name
select *, row_number() over () + (select coalesce(max(_row), 0) from raw) as _row
from log_lines
