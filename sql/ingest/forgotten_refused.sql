-- one row per row of plain; those about somebody in forgotten are refused, whatever else is wrong with them
with named as (select *, coalesce(*columns($person::varchar[])) as person from plain)
select
    named.* exclude (person) replace (
        case when forgotten.id is null then named.reason else 'its user asked to be forgotten' end as reason
    )
from named
left join forgotten on named.person = forgotten.id
