-- one row per row of plain that is about nobody in forgotten, nor names nobody and is about something in forgotten_things
with named as (
    select *, coalesce(*columns($person::varchar[])) as person, coalesce(*columns([$thing::varchar])) as thing from plain
)
select named.* exclude (person, thing)
from named
anti join forgotten on named.person = forgotten.id
where named.person is not null or named.thing is null or named.thing not in (select id from forgotten_things)
