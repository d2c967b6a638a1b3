-- moved_rejects: as many refused rows more as a later night took late of a log file and night that are written now, and that
-- stand elsewhere in the file by now: which of them they are is not known, but how many
insert into moved_rejects
with partitions as (select unnest($paths::varchar[]) as filename, unnest($nights::date[]) as night),
written as (select file, own, min(arrival) as arrival from written_lines group by file, own),
given as (
    select night, file, own, sum(lines) as lines
    from (
        select night, file, own, lines from moved_rejects
        union all
        select night, file, own, 1 from moved_events
    )
    group by night, file, own
),
missing as (
    select held.night, held.file, held.said, held.own, held.lines - coalesce(given.lines, 0) as lines
    from held
    join written using (file, own)
    left join given using (night, file, own)
    where held.night > written.arrival and held.lines > coalesce(given.lines, 0)
),
refused as (
    select partitions.night, rejects.file as said, rejects.row, count(*) as lines
    from read_parquet($partitions, filename = true, hive_partitioning = false) as rejects
    join partitions using (filename)
    semi join missing on partitions.night = missing.night and rejects.file = missing.said
    where rejects.row is not null
    group by all
),
-- one after another: of a night and file the first so many are of the first night that lacks some, and so on
places as (
    select night, said, row, sum(lines) over (partition by night, said order by row desc) as so_far, lines
    from refused
    anti join moved_rejects using (night, said, row)
),
ends as (
    select night, file, said, own, lines, sum(lines) over (partition by night, said order by own) as so_far from missing
)
select places.night, ends.file, places.said, places.row, ends.own, places.lines
from places
join ends
    on places.night = ends.night and places.said = ends.said
    and places.so_far <= ends.so_far and places.so_far > ends.so_far - ends.lines
