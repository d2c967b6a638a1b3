-- One row per rank: the first $k items of a segment.
select run_id, segment, rank, item_id, score
from current_popular_items
where segment = $segment and rank <= $k
order by rank
