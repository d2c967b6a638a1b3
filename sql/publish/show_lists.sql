-- One row per surface and rank: the first $k recommendations of a user. The index serves a filter on user_id alone, so
-- all of a user's rows are taken first and the rest is chosen among them.
with mine as materialized (
    from current_recommendations where user_id = $user_id
)
from mine
where rank <= $k
order by surface, rank
