-- faults: one row more per night and reason of the searches' rows that are refused, and one for those that another row of the
-- night says as well: rows = searches + refused + said twice
insert into faults
select night, 'searches', 'refused, as ' || reason, count(*)
from typed_searches
where night is not null and reason is not null
group by night, reason
union all
select night, 'searches', 'said twice', count(*) - count(distinct (user_id, session_id, searched_at, query))
from typed_searches
where reason is null
group by night
having count(*) > count(distinct (user_id, session_id, searched_at, query))
