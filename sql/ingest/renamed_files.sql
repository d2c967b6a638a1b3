-- table renamed_files: one row per night, name of a log file in its manifest that is another file now, or has copies, and name of
-- what it is now (of several one is first)
create or replace table renamed_files as
select
    unnest($nights::date[]) as night,
    unnest($said::varchar[]) as said,
    unnest($names::varchar[]) as name,
    unnest($is_first::boolean[]) as is_first
