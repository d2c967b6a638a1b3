-- one row per night, person, time and query that its rows name
select arrival, user_id, session_id, searched_at, query
from typed_searches
where reason is null
group by arrival, user_id, session_id, searched_at, query
order by arrival, searched_at, user_id, session_id, query
