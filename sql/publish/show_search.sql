-- One row per rank: the first $k items for a query.
with found as materialized (
    select run_id, query, rank, item_id, score from current_search_results where query = $search
)
select *
from found
where rank <= $k
order by rank
