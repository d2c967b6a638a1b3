-- table input_rows: one row per input beside the log, file of it and night by which rows were known: the days that the file's name
-- speaks of, and how many rows; none yet
create or replace table input_rows (
    input varchar, name varchar, first_day date, last_day date, night date, rows bigint
)
