-- one row per person, query and item that the person acted on after asking it, on a day after the judged night up to $until; the
-- partitions are those of the nights after it, up to tonight
select
    as_asked(events.query) as query,
    events.item_id,
    coalesce('u' || events.user_id, 's' || events.session_id) as who
from read_parquet($partitions, hive_partitioning = true) as events
where events.query is not null
    and length(as_asked(events.query)) <= 200
    and list_contains($acting::varchar[], events.event_type)
    and events.item_id is not null
    and who is not null
    and events.event_time::date between $judged_night::date + 1 and $until::date
group by all
order by all
