-- one row per row of plain that is about nobody in forgotten
with named as (select *, coalesce(*columns($person::varchar[])) as person from plain)
select named.* exclude (person)
from named
anti join forgotten on named.person = forgotten.id
