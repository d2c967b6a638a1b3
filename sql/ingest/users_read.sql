-- input_rows: one row more per file of the users and night by which rows of it were known
insert into input_rows
select 'users', files.name, files.first_day, files.last_day, typed.night, count(distinct typed.said)
from typed_users as typed
join log_files as files using (_file)
where typed.night is not null
group by all
