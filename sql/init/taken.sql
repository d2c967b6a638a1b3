-- one row: what a mapping takes of a log; the last day may still have been going on when the log was written
with taken as (select * from staged_events where reason is null),
days as (select distinct arrival as day from taken)
select
    (select count(*) from taken) as events,
    (select count(distinct user_id) from taken) as users,
    (select count(distinct item_id) from taken) as items,
    (select min(day) from days) as first,
    (select max(day) from days) as last,
    (select max(day) from days where day < (select max(day) from days)) as complete
