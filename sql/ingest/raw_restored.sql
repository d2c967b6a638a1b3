-- table raw: as it was read, without the columns that a mapping names and the log does not have
drop view raw;
alter table raw_as_read rename to raw;
set variable raw_is_view = false
