-- one row per night that has an event of other_nights with the id of one that arrives in the range
with staged as (
    select event_id from staged_events where reason is null and arrival between $first::date and $last::date
)
select distinct night
from other_nights
semi join staged using (event_id)
