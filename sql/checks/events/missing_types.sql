-- One row per night and behaviour that is missing although every usual night had enough of it.
with expected as (
    select past.judged as night, behaviour.type, min(behaviour.events) as least, count(*) as times
    from past, unnest(past.types) as unnested(behaviour)
    group by all
),
given as (
    select night, behaviour.type from tonight, unnest(tonight.types) as unnested(behaviour)
)
select
    night,
    format('no event of type {}; each of the last {} {}s had at least {:,}', type, usual.nights, weekday, expected.least) as said
from expected
join usual using (night)
join tonight using (night)
anti join given using (night, type)
where expected.times = usual.nights and expected.least >= $min_type_events and rows > 0
order by night, type
