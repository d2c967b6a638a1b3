-- table unreadable: one row per line that is longer than ingest.max_row_bytes
create or replace table unreadable as
select
    unnest($paths::varchar[]) as _file,
    unnest($lines::bigint[]) as line,
    'unreadable: longer than ingest.max_row_bytes' as reason,
    unnest($starts::varchar[]) as raw
