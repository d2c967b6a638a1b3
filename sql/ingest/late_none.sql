-- tables late_events and late_lines: no rows (nothing that is written takes what came too late for another night)
create or replace table late_events (event bigint, own date, _file varchar, _row bigint, is_taken boolean);
create or replace table late_lines (_file varchar, line bigint, own date)
