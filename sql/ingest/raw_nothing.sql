-- table raw: no row, and no column but those that say where one stands
create or replace table raw as
select null::varchar as _file, null::bigint as _row
where false
