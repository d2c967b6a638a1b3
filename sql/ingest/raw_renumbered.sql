-- table raw: as it was
drop view raw;
alter table raw_numbered rename to raw
