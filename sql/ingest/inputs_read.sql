-- one row per night of the range and file that it reads of the inputs beside the log: how many of the file's rows are known by
-- that night
with nights as (select unnest(generate_series($first::date, $last::date, interval 1 day))::date as night),
files as (select distinct input, name, first_day, last_day from input_rows),
so_far as (
    select input, name, night, sum(rows) over (partition by input, name order by night)::bigint as rows from input_rows
),
read as (
    select nights.night, files.input, files.name
    from nights
    join files on files.first_day is null or (files.first_day <= nights.night and files.last_day >= nights.night - 1)
)
select read.night, read.input, read.name, so_far.rows
from read
asof join so_far on read.input = so_far.input and read.name = so_far.name and read.night >= so_far.night
order by read.night, read.input, read.name
