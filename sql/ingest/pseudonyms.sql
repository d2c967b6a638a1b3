-- staged_events: the ids of users, sessions and events become HMAC-SHA256 under the padded keys; see pipeline/privacy/pseudonyms.py.
-- An event's id is one of them because a shop's is often a hash of the row, which whoever has the row can compute.
create or replace table staged_events as
with people as (
    select user_id, sha256($user_outer::blob || unhex(sha256($user_inner::blob || encode(user_id)))) as pseudonym
    from (select distinct user_id from staged_events where user_id is not null)
),
sessions as (
    select
        session_id,
        sha256($session_outer::blob || unhex(sha256($session_inner::blob || encode(session_id)))) as pseudonym
    from (select distinct session_id from staged_events where session_id is not null)
)
select
    staged_events.* replace (
        sha256($event_outer::blob || unhex(sha256($event_inner::blob || encode(event_id)))) as event_id,
        people.pseudonym as user_id,
        sessions.pseudonym as session_id
    )
from staged_events
left join people using (user_id)
left join sessions using (session_id)
