-- table usual: one row per judged night that has enough history to say what is usual for it
create or replace temp table usual as
select
    judged as night,
    dayname(judged) as weekday,
    count(*) as nights,
    median(events) as events,
    min(events) as least,
    median(first_event) as first_event,
    median(last_event) as last_event,
    min(last_event) as earliest,
    max(null_users / events) as null_users,
    max(null_values / events) as null_values,
    max(null_quantities / events) as null_quantities,
    max(null_prices / events) as null_prices,
    max(null_sessions / events) as null_sessions,
    max(free / events) as free,
    max(late / events) as late,
    max(duplicates / rows) as duplicates,
    max(unknown_types / rows) as unknown_types,
    max(skewed / rows) as skewed,
    max(left_out / (rows + left_out)) as left_out -- null where the nights are from before it was counted
from past
group by judged
having count(*) >= $min_nights
