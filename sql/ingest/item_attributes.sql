-- one row per night, item and attribute, with the last that the night said of it
select arrival, item_id, name, arg_max(value, said) as value
from typed_item_attributes
semi join staged_items using (item_id)
where value is not null and arrival is not null
group by arrival, item_id, name
order by arrival, item_id, name
