-- view raw: as it was
drop view raw;
alter view raw_numbered rename to raw
