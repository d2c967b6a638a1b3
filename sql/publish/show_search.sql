-- One row per rank: the first $k items for a query.
with found as materialized (
    from current_search_results where query = $search
)
from found
where rank <= $k
order by rank
