-- table unreadable: one row per line of the CSV files ($paths, read as $copies) that could not be split into columns
create or replace table unreadable as
with errors as (from reject_errors),
scans as (from reject_scans),
names as (select unnest($copies::varchar[]) as file_path, unnest($paths::varchar[]) as _file)
select
    names._file,
    errors.line::bigint - 1 as line,
    'unreadable: ' || lower(first(errors.error_type::varchar order by errors.column_idx)) as reason,
    ltrim(first(errors.csv_line order by errors.column_idx), chr(10) || chr(13)) as raw
from errors
join scans using (scan_id, file_id)
join names using (file_path)
group by all
