-- faults: one row more per night and fault of the exclusions' rows, with how many rows have it
insert into faults
select night, 'exclusions', coalesce(fault, note), count(*)
from typed_exclusions
where night is not null and coalesce(fault, note) is not null
group by night, coalesce(fault, note)
