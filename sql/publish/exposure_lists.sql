-- One row per surface and length of what its lists have in the first places: how many lists, how many of their items
-- are of the long tail, and how often all of them were acted on, together; whole numbers, to be divided afterwards.
with lists as (
    select surface, user_id, count(*) as items, count(*) filter (where is_tail) as tail_items, sum(acted) as acted
    from read_parquet($lists)
    join places using (rank)
    join items using (item_id)
    group by surface, user_id
)
select surface, items, count(*) as lists, sum(tail_items)::bigint as tail_items, sum(acted)::bigint as acted
from lists
group by surface, items
order by surface, items
