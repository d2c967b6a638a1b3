-- table other_nights: no rows (there is no other partition)
create or replace table other_nights (
    event_id varchar,
    night date,
    what struct(user_id varchar, item_id varchar, event_time timestamptz, event_type varchar)
)
