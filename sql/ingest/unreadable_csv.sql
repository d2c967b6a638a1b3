-- table unreadable: one row per line of the CSV files that could not be split into columns
create or replace table unreadable as
with errors as (from reject_errors),
scans as (from reject_scans)
select
    scans.file_path as _file,
    errors.line::bigint - 1 as line,
    'unreadable: ' || lower(first(errors.error_type::varchar order by errors.column_idx)) as reason,
    first(errors.csv_line order by errors.column_idx) as raw
from errors
join scans using (scan_id, file_id)
group by all
