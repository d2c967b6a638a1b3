-- tables late_entries and late_nightless: no rows (nothing that is written takes what came too late for another night)
create or replace table late_entries (what varchar, number bigint, _file varchar, own date, is_taken boolean);
create or replace table late_nightless (what varchar, number bigint, _file varchar, arrival date)
