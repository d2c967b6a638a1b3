-- one row per night of the range, log file and night that what it counts of the file is of (null: nothing says it but the rows
-- beside it): how many events, rows that the mapping leaves out, and lines that cannot be read
with entries as (from log_entries),
late as (from late_entries where is_taken)
select
    entries.arrival as night, entries.name,
    case when late.own is not null then late.own when not entries.is_nightless then entries.arrival end as own,
    count(*) filter (entries.what = 'event') as events,
    count(*) filter (entries.what = 'left out') as left_out,
    count(*) filter (entries.what = 'line') as lines
from entries
left join late on entries._file = late._file and entries.what = late.what and entries.number = late.number
where entries.arrival between $first::date and $last::date
group by all
order by all
