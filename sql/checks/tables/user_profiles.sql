-- One row per fault of user_profiles: a user twice, a user with a list and no profile, an event after the night.
select 'user ' || user_id || ' has ' || count(*) || ' profiles'
from user_profiles
group by user_id
having count(*) > 1
union all
select 'user ' || user_id || ' has a list and no profile'
from (select distinct user_id from recommendations) anti join user_profiles using (user_id)
union all
select 'user ' || user_id || ' has an event after the night: ' || last_event_time
from user_profiles, runs
where last_event_time > published_at
order by all
