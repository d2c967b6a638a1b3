-- table earlier_events: no rows (there is no earlier partition)
create or replace table earlier_events (event_id varchar)
