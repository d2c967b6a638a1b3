-- one row: what a night would take, over all days; the last day may still have been going on when the log was written
with events as (from checked),
users as (select count(*) as events from events where user_id is not null group by user_id)
select
    (select count(*) from events) as events,
    (select count(*) from events where user_id is null) as guests,
    (select count(*) from users) as users,
    (select count(distinct item_id) from events) as items,
    (select min(day) from events) as first,
    (select max(day) from events) as last,
    (select max(day) from events where day < (select max(day) from events)) as complete,
    (select quantile_disc(events, 0.5) from users) as median_events,
    (select quantile_disc(events, 0.9) from users) as many_events,
    (select max(events) from users) as most_events
