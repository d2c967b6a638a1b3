-- tables held, written_lines, moved_rejects and displaced: no rows (no night after those that are written is in the lake, so
-- none has to give up anything)
create or replace table held (file varchar, own date, night date, left_out bigint);
create or replace table written_lines (file varchar, own date, arrival date);
create or replace table moved_rejects (night date);
create or replace table displaced (night date, event_id varchar, reason varchar)
