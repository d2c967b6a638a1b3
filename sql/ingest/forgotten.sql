-- staged_events: rows of those who asked to be forgotten are refused, whatever else is wrong with them. A guest's session
-- that bears the id of such a person is theirs. The hash is HMAC-SHA256, see pipeline/privacy/pseudonyms.py.
update staged_events
set reason = 'its user asked to be forgotten'
from (
    with known as (
        select user_id as id from staged_events where user_id is not null
        union
        select session_id from staged_events where user_id is null and session_id is not null
    )
    select id
    from known
    where list_contains(
        $hashes::varchar[],
        sha256($forgotten_outer::blob || unhex(sha256($forgotten_inner::blob || encode(id))))
    )
) as forgotten
where coalesce(staged_events.user_id, staged_events.session_id) = forgotten.id
