-- One row per fault of search_terms: gaps in the ranks, an item listed twice, not available, a weight that adds nothing.
select 'term "' || term || '" has items twice or gaps in its ranks'
from search_terms
group by term
having count(distinct item_id) <> count(*) or max(rank) <> count(*) or count(distinct rank) <> count(*)
union all
select 'item ' || item_id || ' answers a term and is not available'
from (select distinct item_id from search_terms) as shown
left join items using (item_id)
where not coalesce(items.available, false)
union all
select 'term "' || term || '" has a weight that adds nothing or is no number: ' || coalesce(weight::varchar, 'null')
from search_terms
where not coalesce(weight > 0 and isfinite(weight), false)
union all
select 'item ' || item_id || ' has more than one appeal'
from search_terms
group by item_id
having min(appeal) is distinct from max(appeal)
order by all
