-- table log_files: one row per raw file: its path, its name in the shop's folder, and the days its name speaks of
create or replace table log_files as
select
    unnest($paths::varchar[]) as _file,
    unnest($names::varchar[]) as name,
    unnest($first_days::date[]) as first_day,
    unnest($last_days::date[]) as last_day
