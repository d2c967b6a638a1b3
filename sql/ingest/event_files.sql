-- table event_files: one row per file of the behaviour log: its name, the days that it speaks of, and the number of its first row
-- that could be read. (What log_files and raw_files say is of the input that was read last.)
create or replace table event_files as
select log_files._file, log_files.name, log_files.first_day, log_files.last_day, raw_files.first_row
from log_files
left join raw_files using (_file)
