-- table last_rows: one row per log file: its path and name, the place of its last row, how many characters that has, and what
-- hashes them
create or replace table last_rows as
select
    unnest($paths::varchar[]) as _file,
    unnest($names::varchar[]) as name,
    unnest($places::bigint[]) as place,
    unnest($characters::bigint[]) as characters,
    unnest($hashes::varchar[]) as hash
