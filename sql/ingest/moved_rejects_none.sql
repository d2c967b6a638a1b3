-- table moved_rejects: no rows (no other night holds what is written now)
create or replace table moved_rejects (night date, file varchar, said varchar, row bigint, own date, lines bigint)
