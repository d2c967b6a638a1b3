-- One row per fault of search_results: a query without letters, an item listed twice, gaps in the ranks, not available.
select 'a query is empty'
from search_results
where trim(query) = ''
union all
select 'query "' || query || '" has items twice or gaps in its ranks'
from search_results
group by query
having count(distinct item_id) <> count(*) or max(rank) <> count(*) or count(distinct rank) <> count(*)
union all
select 'item ' || item_id || ' answers a query and is not available'
from (select distinct item_id from search_results) as shown
left join items using (item_id)
where not coalesce(items.available, false)
union all
select 'query "' || query || '" has a score that is no share: ' || coalesce(score::varchar, 'null')
from search_results
where score is null or not (score between 0 and 1)
order by all
