-- One row: the user's profile; none for a user nobody knows.
select run_id, user_id, segment, top_categories, events, last_event_time
from current_user_profiles
where user_id = $user_id
