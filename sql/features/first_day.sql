-- one row: the first event's day; null: there is none
select min(day)::integer as first_day from events
