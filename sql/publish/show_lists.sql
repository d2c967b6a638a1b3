-- One row per surface and rank: the first $k recommendations of a user.
select run_id, surface, user_id, rank, item_id, score, source, reason
from current_recommendations
where user_id = $user_id and rank <= $k
order by surface, rank
