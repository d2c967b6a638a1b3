-- one row: of the last $days, how many events there are, how many of them on items that had none before, and on items whose
-- first event was in the week before
with ends as (select max(day) as last from checked),
firsts as (select item_id, min(event_time) as first from checked group by item_id)
select
    count(*) as events,
    count(*) filter (firsts.first::date > ends.last - $days) as cold,
    count(*) filter (checked.event_time - firsts.first < interval 7 days) as young
from checked
join firsts using (item_id), ends
where checked.day > ends.last - $days
