-- table moved_rejects: one row per refused row of a later night that is a line of written_lines: its night, and its place, in a
-- file that it may call otherwise (said). It is no more than what that night says it took late.
create or replace table moved_rejects as
with partitions as (select unnest($paths::varchar[]) as filename, unnest($nights::date[]) as night),
refused as (
    select partitions.night, rejects.file as said, rejects.row, count(*) as lines
    from read_parquet($partitions, filename = true, hive_partitioning = false) as rejects
    join partitions using (filename)
    where rejects.row is not null
    group by all
),
written as (select file, row, min(own) as own, min(arrival) as arrival from written_lines group by file, row),
counted as (
    select
        refused.night, held.file, refused.said, refused.row, held.own, refused.lines, held.lines as held,
        sum(refused.lines) over (partition by refused.night, refused.said, held.own order by refused.row desc) as so_far
    from refused
    join held using (night, said)
    join written on written.file = held.file and written.row = refused.row and written.own = held.own
    where refused.night > written.arrival
)
select night, file, said, row, own, lines
from counted
where so_far <= held
