-- one row per night and link
select distinct arrival, item_id, linked_id
from typed_links
where fault is null
order by arrival, item_id, linked_id
