-- one row per night of the range and log file whose last row arrives on it: what last_rows says of it; by the night that it is of
-- ("": nothing says it but the rows beside it) how many events and rows left out are made of it; hashes of the ids of those that
-- the night takes
with entries as (from log_entries where what <> 'line'),
late as (from late_entries where is_taken),
again as (from duplicates),
made as (
    select
        entries.arrival as night, lasts.name, lasts.place, lasts.characters, lasts.hash,
        case when late.own is not null then late.own::varchar when entries.is_nightless then '' else entries.arrival::varchar end
        as own,
        count(*) filter (entries.what = 'event') as events,
        count(*) filter (entries.what = 'left out') as left_out,
        list(left(sha256(entries.event_id), 16)) filter (
            entries.what = 'event' and entries.reason is null and again.event is null
        ) as taken
    from last_rows as lasts
    join entries on lasts._file = entries._file and lasts.place = entries.place
    left join late on entries._file = late._file and entries.what = late.what and entries.number = late.number
    left join again on entries.what = 'event' and entries.number = again.event
    where entries.arrival between $first::date and $last::date
    group by all
)
select
    night, name, place, characters, hash,
    map_from_entries(list((own, [events, left_out]) order by own)) as counted,
    list_sort(flatten(list(coalesce(taken, [])))) as taken
from made
group by night, name, place, characters, hash
order by night, name
