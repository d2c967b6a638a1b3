-- table faults: one row per night, input and fault of its rows, with how many have it; none yet
create or replace table faults (night date, input varchar, fault varchar, rows bigint)
