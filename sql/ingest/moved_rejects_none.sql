-- table moved_rejects: no rows (no other night holds what is written now)
create or replace table moved_rejects (night date, file varchar, row bigint, own date, lines bigint)
