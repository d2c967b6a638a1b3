-- table raw: all of it again
drop table if exists raw;
alter table raw_all rename to raw
