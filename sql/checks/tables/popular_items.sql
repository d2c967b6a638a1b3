-- One row per fault of popular_items: no answer for an unknown user, an item twice, gaps in the ranks, not available.
select 'segment all is empty: an unknown user would get nothing'
where
    not exists (from popular_items where segment = 'all')
    and exists (from surfaces where "open" > 0)  -- where all is offered to some alone, nobody else gets anything
union all
select 'segment ' || segment || ' has items twice or gaps in its ranks'
from popular_items
group by segment
having count(distinct item_id) <> count(*) or max(rank) <> count(*) or count(distinct rank) <> count(*)
union all
select 'segment ' || segment || ' shows item ' || item_id || ', which is not available'
from popular_items left join items using (item_id)
where not coalesce(available, false)
order by all
