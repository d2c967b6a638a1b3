-- faults: one row more per night and fault of the items' rows, with how many rows have it
insert into faults
select night, 'items', fault, count(*)
from (select night, unnest(faults) as fault from typed_items)
where night is not null
group by night, fault
