-- One row per rank: the $k items that the terms of a query speak for, with the sum of their weights and once the appeal.
with found as (
    select run_id, item_id, sum(weight) + max(appeal) as score
    from current_search_terms
    where term in (select unnest($terms::varchar[]))
    group by all
)
select run_id, $search as query, row_number() over (order by score desc, item_id) as rank, item_id, score
from found
order by rank
limit $k
