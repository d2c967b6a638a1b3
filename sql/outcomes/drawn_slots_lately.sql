-- the drawn slots of some surfaces, with their ages in days, in an order of their own
select surface, user_id, item_id, rank, ($last::date - day)::integer as age, is_clicked
from drawn_slots
where list_contains($surfaces::varchar[], surface) and user_id is not null and item_id is not null
order by surface, user_id, item_id, rank, age, is_clicked
