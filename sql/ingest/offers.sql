-- one row per night and offer
select distinct arrival, user_id, item_id
from typed_offers
where fault is null
order by arrival, user_id, item_id
