-- table late_nightless: one row per entry of the log of which only the rows beside it say the night, and that is to arrive on
-- another ($night: it has come late; or a night that has counted it, before the rows beside it were others). Of a file that
-- still holds what finished nights counted of it, there are so many as there are more, or fewer, than they counted.
create or replace table late_nightless as
with staying as (select distinct night from counted where night <> $night::date),
dated as (
    select _file, own, sum(number) as more
    from (
        select _file, arrival as own, count(*) as number from log_entries where not is_nightless group by _file, arrival
        union all
        select _file, own, -number from counted where own is not null and night <> $night::date
    )
    group by _file, own
),
gone as (select _file, own as night from dated where more < 0),
counting as (
    select found._file, found.night
    from (
        select _file, night from counted where night <> $night::date
        union
        -- one that has counted nothing of the file: its rows stand beside late ones, or in a file without a time
        select _file, arrival from decided where is_alike
    ) as found
    anti join gone using (_file, night)
),
entries as (select what, number, _file, place, arrival from log_entries where is_nightless),
there as (
    select entries.*, counting.night is not null as is_counted
    from entries
    left join counting on entries._file = counting._file and entries.arrival = counting.night
    where counting.night is not null or entries.arrival = $night::date
),
by_kind as (
    select _file, what, sum(number) as more
    from (
        select _file, what, count(*) as number from there where is_counted group by _file, what
        union all
        select counted._file, counted.what, -counted.number
        from counted
        semi join counting using (_file, night)
        where counted.own is null
    )
    group by _file, what
),
by_file as (select _file, sum(more) as entries from by_kind group by _file having sum(more) <> 0),
candidates as (
    select
        there.*, by_file.entries,
        row_number() over (partition by _file, what order by there.arrival > $night::date, place desc, number)
        <= abs(by_kind.more) and sign(by_kind.more) = sign(by_file.entries) as is_other
    from there
    join by_file using (_file)
    join by_kind using (_file, what)
    where is_counted = (by_file.entries > 0)
),
ranked as (
    select *, row_number() over (partition by _file order by is_other desc, arrival > $night::date, place desc, what, number) as rank
    from candidates
)
select
    ranked.what, ranked.number, ranked._file,
    case when ranked.is_counted then $night::date else (select min(night) from staying) end as arrival
from ranked
where ranked.rank <= abs(ranked.entries)
