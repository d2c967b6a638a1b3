-- one row, or none: a file as a mapping's rows name it that is none of raw's, or has no such rows
with claimed as (
    select
        _file::varchar as _file,
        min(try_cast(_row as bigint)) as first,
        max(try_cast(_row as bigint)) as last,
        count(*) - count(try_cast(_row as bigint)) as unnumbered
    from query_table($mapped)
    group by all
),
files as (from raw_files)
select claimed._file, coalesce(claimed.last, claimed.first) as row
from claimed
left join files using (_file)
where files._file is null or unnumbered > 0 or first < first_row or last > last_row
order by all
limit 1
