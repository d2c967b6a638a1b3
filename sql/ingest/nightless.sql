-- table nightless: one row per event of which neither its own time nor its file's name says the night: it is the rows' beside it
create or replace table nightless as
with files as (select _file, first_day = last_day as is_daily from log_files),
undated as (select rowid as event, _file, _row from staged_events where arrival is null),
dated as (select distinct _file, _row from staged_events semi join undated using (_file, _row) where arrival is not null)
select undated.event
from undated
join files using (_file)
anti join dated using (_file, _row)
where files.is_daily is distinct from true
