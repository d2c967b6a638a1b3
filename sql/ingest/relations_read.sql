-- input_rows: one row more per file of the relations and night by which rows of it were known
insert into input_rows
select 'relations', files.name, files.first_day, files.last_day, typed.night, count(*)
from typed_relations as typed
join log_files as files using (_file)
where typed.night is not null
group by all
