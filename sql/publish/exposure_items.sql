-- One row per surface and item that it shows among the first places: what these are worth together (`places`), a whole
-- number, so that it is the same in whatever order it is summed.
select surface, item_index, sum(worth)::bigint as exposure
from read_parquet($lists)
join places using (rank)
join items using (item_id)
group by surface, item_index
order by surface, item_index
