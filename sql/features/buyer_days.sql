-- table buyer_days: one row per item, buyer and day with a positive action, and the buyer's next such day with the item (null:
-- none), so that who had bought by any day is a filter; a guest's session is a buyer of its own, whose user_index is null
create or replace table buyer_days as
with bought as (
    select item_index, user_index, null::varchar as guest, day
    from user_item_days
    where actions > 0 and item_index >= $first_item and item_index < $items
    union all
    select distinct item_index, user_index, coalesce(session_id, event_id) as guest, day
    from actions
    where weight > 0 and user_index is null and item_index >= $first_item and item_index < $items
)
select
    item_index,
    user_index,
    day,
    lead(day) over (partition by item_index, user_index, guest order by day) as next_day
from bought
