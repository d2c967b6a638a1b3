-- one row, or none: a file as a mapping's rows name it that is none of raw's, or has not all the rows that they say; of raw
-- row n is called n * $factor + hash(n) % $factor meanwhile
with claimed as (
    select
        _file::varchar as _file,
        min(try_cast(_row as bigint) // $factor::bigint) as first,
        max(try_cast(_row as bigint) // $factor::bigint) as last,
        count(*) filter (
            try_cast(_row as bigint) is null or try_cast(_row as bigint) <>
            (try_cast(_row as bigint) // $factor::bigint) * $factor::bigint
            + (hash(try_cast(_row as bigint) // $factor::bigint) % $factor::bigint)::bigint
        ) as changed
    from query_table($mapped)
    group by all
),
files as (from raw_files)
select claimed._file, files._file is not null as is_known
from claimed
left join files using (_file)
where files._file is null or changed > 0 or first < first_row or last > last_row
order by all
limit 1
