-- table log_sizes: one row per log file that is about to be read: how many bytes it has, and what hashes them
create or replace table log_sizes as
select
    unnest($names::varchar[]) as name,
    unnest($bytes::bigint[]) as bytes,
    unnest($hashes::varchar[]) as hash
