-- faults: one row more per night and fault of the offers' rows, with how many rows have it
insert into faults
select night, 'offers', fault, count(*)
from typed_offers
where night is not null and fault is not null
group by night, fault
