-- One row per surface, user who is asked about, and place among the first of the user's list: the item.
select surface, users.place as "user", rank, item_index
from read_parquet($lists)
join users using (user_id)
join items using (item_id)
where rank <= $k
