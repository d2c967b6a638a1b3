-- table buyer_days: one row per item, buyer and day with a positive action; a guest's session is a buyer of its own
create or replace table buyer_days as
select
    item_index,
    coalesce('u' || user_index::varchar, 's' || coalesce(session_id, event_id)) as buyer,
    day
from actions
where weight > 0
group by all
