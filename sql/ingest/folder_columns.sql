-- table raw: its rows, with what the names of their files' folders say
drop table raw;
alter table raw_in_folders rename to raw
