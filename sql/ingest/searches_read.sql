-- input_rows: one row more per file of the searches and night by which rows of it were known
insert into input_rows
select 'searches', files.name, files.first_day, files.last_day, typed.night, count(*)
from typed_searches as typed
join log_files as files using (_file)
where typed.night is not null
group by all
