-- one row per item and title that arrived in the range of nights, in the order of its partition: of an item's titles the one
-- that the night had last stands last, as in the staged table
select *
from staged_items
where arrival between $first::date and $last::date
order by arrival, item_id, rowid
