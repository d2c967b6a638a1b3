-- the drawn slots, in an order of their own
select surface, user_id, item_id, rank, chance, is_clicked, run_id_shown
from drawn_slots
order by surface, user_id, run_id_shown, rank, item_id
