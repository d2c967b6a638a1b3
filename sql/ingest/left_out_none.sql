-- table staged_left_out: no rows (of a partition it is known how many there were, not where)
create or replace table staged_left_out (_file varchar, _row bigint, arrival date)
