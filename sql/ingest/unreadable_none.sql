-- table unreadable: no rows (the format has no lines that cannot be split)
create or replace table unreadable (_file varchar, line bigint, reason varchar, raw varchar)
