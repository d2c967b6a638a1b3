-- table raw: its rows, with the columns that the names of their files' folders give
create or replace table raw as
select raw.* exclude (_file, _row), folders.* exclude (_file), raw._file, raw._row
from raw
left join folders using (_file)
