-- faults: one row more per night and fault of the users' rows, with how many rows have it
insert into faults
select night, 'users', fault, count(distinct said)
from typed_users
where night is not null and fault is not null
group by night, fault
