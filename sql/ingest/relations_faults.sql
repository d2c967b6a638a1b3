-- faults: one row more per night and reason of the relations' rows that are refused, and one for those that a later row of the
-- night says again: rows = relations + refused + said again
insert into faults
select night, 'relations', 'refused, as ' || reason, count(*)
from typed_relations
where night is not null and reason is not null
group by night, reason
union all
select night, 'relations', 'said again by a later row', count(*) - count(distinct (thing, relation, other_thing))
from typed_relations
where reason is null
group by night
having count(*) > count(distinct (thing, relation, other_thing))
