-- table user_index: one row per known user; later arrivals have higher indices
create or replace table user_index as
with seen as (
    select user_id, arrival from events
    union all
    select user_id, arrival from shown_users
),
known as (
    select user_id, min(arrival) as arrival
    from seen
    where user_id is not null
    group by user_id
)
select (row_number() over (order by arrival, user_id) - 1)::integer as user_index, user_id, arrival
from known
