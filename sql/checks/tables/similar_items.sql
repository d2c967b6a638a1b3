-- One row per fault of similar_items: an item like itself, listed twice, gaps in the ranks, nothing one can show.
select 'item ' || item_id || ' is like itself'
from similar_items
where item_id = similar_item_id
union all
select 'item ' || item_id || ' has neighbours twice or gaps in its ranks'
from similar_items
group by item_id
having count(distinct similar_item_id) <> count(*) or max(rank) <> count(*) or count(distinct rank) <> count(*)
union all
select 'item ' || similar_item_id || ' is a neighbour and not available'
from (select distinct similar_item_id from similar_items) as near
left join items on items.item_id = near.similar_item_id
where not coalesce(available, false)
union all
select 'item ' || item_id || ' has a score that is no cosine: ' || coalesce(score::varchar, 'null')
from similar_items
where score is null or not (score between -1.001 and 1.001)
order by all
