-- One row: the user's profile; none for a user nobody knows.
from current_user_profiles
where user_id = $user_id
