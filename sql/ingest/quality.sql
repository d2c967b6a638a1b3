-- one row per night of the range: what the checks of its log compare
with calendar as (
    select unnest(generate_series($first::date, $last::date, interval 1 day))::date as night
),
staged as (select rowid as event, * from staged_events),
refused as (from duplicates),
taken as (
    select
        arrival, event_time, event_type, user_id, item_id, value, quantity, price, session_id,
        date_diff('second', arrival::timestamp, event_time::timestamp) as second -- by the clock: a day may have 23 or 25 hours
    from staged
    anti join refused using (event)
    where reason is null and arrival between $first::date and $last::date
),
counted as (
    select
        arrival as night,
        count(*) as events,
        count(*) filter (second < 0) as late,
        -- the first ones: not the very first, which may have waited on a phone
        quantile_disc(second, 0.05) as first_event,
        max(second) as last_event,
        count(*) - count(user_id) as null_users,
        count(*) - count(value) as null_values,
        count(*) - count(quantity) as null_quantities,
        count(*) - count(price) as null_prices,
        count(*) - count(session_id) as null_sessions,
        count(*) filter (price <= 0) as free
    from taken
    group by arrival
),
rejected as (
    select
        arrival as night,
        count(*) as refused,
        count(*) filter (reason = 'duplicate of an earlier event') as duplicates,
        count(*) filter (reason = 'event_type is not in features.event_types') as unknown_types,
        count(*) filter (reason in ('event_time is after the day it arrived', 'its file is not the one of its day')) as skewed
    from staged_rejects
    group by arrival
),
left_out as (
    select arrival as night, count(*) as left_out
    from staged_left_out
    group by arrival
),
behaviours as (
    select night, list({'type': event_type, 'events': events} order by event_type) as types
    from (select arrival as night, event_type, count(*) as events from taken group by all)
    group by night
),
prices as (
    select item_id, arrival as night, median(price) as price from taken where price > 0 group by all
    union all by name
    from earlier_prices
),
steps as (
    select
        night,
        greatest(price / lag(price) over latest, lag(price) over latest / price) as times,
        night - lag(night) over latest as days
    from prices
    window latest as (partition by item_id order by night)
),
compared as (
    select night, count(*) as compared_prices, count(*) filter (times > $price_factor) as far_prices
    from steps
    where days <= $price_nights
    group by night
)
select
    night,
    coalesce(events, 0) + coalesce(refused, 0) as rows,
    coalesce(left_out, 0) as left_out,
    coalesce(events, 0) as events,
    coalesce(duplicates, 0) as duplicates,
    coalesce(unknown_types, 0) as unknown_types,
    coalesce(skewed, 0) as skewed,
    coalesce(late, 0) as late,
    first_event,
    last_event,
    coalesce(null_users, 0) as null_users,
    coalesce(null_values, 0) as null_values,
    coalesce(null_quantities, 0) as null_quantities,
    coalesce(null_prices, 0) as null_prices,
    coalesce(null_sessions, 0) as null_sessions,
    coalesce(free, 0) as free,
    coalesce(compared_prices, 0) as compared_prices,
    coalesce(far_prices, 0) as far_prices,
    coalesce(types, []) as types
from calendar
left join counted using (night)
left join rejected using (night)
left join left_out using (night)
left join behaviours using (night)
left join compared using (night)
order by night
