-- one row per night of the range, file that it reads of the inputs beside the log, and night by which rows of the file were known,
-- as far as that is one of the last $days (null: all before these): how many of them are known by that night
with nights as (select unnest(generate_series($first::date, $last::date, interval 1 day))::date as night),
files as (select distinct input, name, first_day, last_day from input_rows),
by_night as (select input, name, night, sum(rows)::bigint as rows from input_rows group by all),
so_far as (select input, name, night, sum(rows) over (partition by input, name order by night)::bigint as rows from by_night),
read as (
    select nights.night, files.input, files.name
    from nights
    join files on files.first_day is null or (files.first_day <= nights.night and files.last_day >= nights.night - 1)
)
select read.night, read.input, read.name, by_night.night as own, by_night.rows
from read
join by_night
    on read.input = by_night.input and read.name = by_night.name
    and by_night.night > read.night - $days and by_night.night <= read.night
union all
select read.night, read.input, read.name, null as own, so_far.rows
from read
asof join so_far on read.input = so_far.input and read.name = so_far.name and read.night - $days >= so_far.night
order by all
