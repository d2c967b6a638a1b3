-- one row per night of the range and file of the items that it reads: how many of the file's rows are known by that night
with nights as (select unnest(generate_series($first::date, $last::date, interval 1 day))::date as night),
files as (from log_files),
known as (select _file, night, count(*) as rows from typed_items where night is not null group by all),
so_far as (select _file, night, sum(rows) over (partition by _file order by night)::bigint as rows from known),
read as (
    select nights.night, files._file, files.name
    from nights
    join files on files.first_day is null or (files.first_day <= nights.night and files.last_day >= nights.night - 1)
)
select read.night, read.name, so_far.rows
from read
asof join so_far on read._file = so_far._file and read.night >= so_far.night
order by read.night, read.name
