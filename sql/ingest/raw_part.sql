-- table raw: those rows of raw_all that are numbered from $first to $last
create or replace table raw as
from raw_all
where _row between $first::bigint and $last::bigint
