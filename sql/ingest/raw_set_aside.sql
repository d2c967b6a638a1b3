-- table raw_as_read: what was raw, which becomes a view with the columns that a mapping names and the log does not have
alter table raw rename to raw_as_read;
set variable raw_is_view = true
