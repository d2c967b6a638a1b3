-- table raw_numbered: what was raw, which becomes a view in which rows have other numbers
alter table raw rename to raw_numbered
