-- table other_nights: no rows (there is no other partition)
create or replace table other_nights (event_id varchar, night date)
