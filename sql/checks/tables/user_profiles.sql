-- One row per fault of user_profiles: a user twice, a user with a list and no profile, an event or a question after the night,
-- a question that is only half known.
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
union all
select 'user ' || user_id || ' has a question after the night, or one without its document or time'
from user_profiles, runs
where asked_at > published_at
    or (asked_document_id is null) <> (asked_at is null)
    or asked_document_id is null and (asked_cluster_id is not null or asked_label is not null)
order by all
