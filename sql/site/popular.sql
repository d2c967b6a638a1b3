-- One row per segment and rank up to $k of the popular items, with titles.
select segment, rank, item_id, coalesce(title, '') as title, score
from popular_items
left join catalogue using (item_id)
where rank <= $k
order by segment = 'all' desc, segment, rank
