-- one row: the first event's day (null: there is none), and how many events tell something
select min(day)::integer as first_day, count(*) as events from events
