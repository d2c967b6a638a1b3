-- faults: one row more per night and fault of what the items' rows say of attributes, with how many rows have it
insert into faults
select night, 'items', fault, count(*)
from typed_item_attributes
where night is not null and fault is not null
group by night, fault
