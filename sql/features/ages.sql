-- table ages: one row per age in days: what an action of that age still counts, by half-life
-- Ages go back from $last_day, the night itself, to the first event's day: a night without events must not forget the
-- oldest days. The four fixed half-lives are in whole steps of 2^-60 (see macros.sql).
create or replace table ages as
with events as (from events),
ages as (select unnest(range(0, coalesce($last_day::integer - min(day), 0) + 1))::integer as age from events)
select
    age,
    pow(0.5, age / $half_life_days::double) as decay,
    units(pow(0.5, age / 7.0::double))::bigint as decay_7,
    units(pow(0.5, age / 30.0::double))::bigint as decay_30,
    units(pow(0.5, age / 90.0::double))::bigint as decay_90,
    units(pow(0.5, age / 365.0::double))::bigint as decay_365
from ages
