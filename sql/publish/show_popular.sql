-- One row per rank: the first $k items of a segment.
from current_popular_items
where segment = $segment and rank <= $k
order by rank
