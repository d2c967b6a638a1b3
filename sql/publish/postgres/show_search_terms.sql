-- One row per rank: the $k items that the terms of a query speak for in one run.
with found as (
    select item_id, sum(weight) + max(appeal) as score
    from {schema}.search_terms
    where load = (select max(load) from {schema}.loads where run_id = %(run_id)s) and term = any(%(terms)s::text[])
    group by item_id
)
select %(run_id)s as run_id, %(search)s as query, row_number() over (order by score desc, item_id) as rank, item_id, score
from found
order by rank
limit %(k)s
