-- faults: one row more per night and fault of the links' rows, with how many rows have it
insert into faults
select night, 'links', fault, count(*)
from typed_links
where night is not null and fault is not null
group by night, fault
