-- table item_index: one row per known item, sold or not; later arrivals have higher indices
create or replace table item_index as
with known as (
    select item_id, min(arrival) as arrival
    from (
        select item_id, arrival from events
        union all
        select item_id, arrival from shown_items
        union all
        select item_id, arrival from item_log
    )
    group by item_id
)
select (row_number() over (order by arrival, item_id) - 1)::integer as item_index, item_id, arrival
from known
