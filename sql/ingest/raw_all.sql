-- table raw_all: what was raw, of which parts are tried
alter table raw rename to raw_all
