-- table moved_rejects: one row per refused row of a later night that is a line of written_lines: its night and its place. It is
-- no more than what that night says it took late.
create or replace table moved_rejects as
with partitions as (select unnest($paths::varchar[]) as filename, unnest($nights::date[]) as night),
refused as (
    select partitions.night, rejects.file, rejects.row, count(*) as lines
    from read_parquet($partitions, filename = true, hive_partitioning = false) as rejects
    join partitions using (filename)
    where rejects.row is not null
    group by all
),
written as (select file, row, min(own) as own, min(arrival) as arrival from written_lines group by file, row),
counted as (
    select
        refused.night, file, row, held.own, refused.lines, held.lines as held,
        sum(refused.lines) over (partition by refused.night, file, held.own order by row desc) as so_far
    from refused
    join written using (file, row)
    join held using (night, file, own)
    where refused.night > written.arrival
)
select night, file, row, own, lines
from counted
where so_far <= held
