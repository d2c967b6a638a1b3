-- table duplicates: no rows (a partition has none)
create or replace table duplicates (event bigint, reason varchar)
