-- one row per item known by $known_by and attribute, with what was said of it last by then; $else_later: of an item of which
-- nothing was said by then, with what was said first later, by $heard_by
with item_index as (from item_index where arrival <= $known_by::date),
first_words as (
    select item_id, min(arrival) as arrival
    from item_log
    where $else_later::boolean and arrival <= $heard_by::date
    group by item_id
    having min(arrival) > $known_by::date
),
said as (
    from item_attribute_log where arrival <= $known_by::date
    union all
    from item_attribute_log semi join first_words on item_attribute_log.item_id = first_words.item_id and item_attribute_log.arrival = first_words.arrival
),
latest as (
    select item_index, name as attribute, arg_max(value, said.arrival) filter (where value is not null) as value
    from said
    join item_index using (item_id)
    group by item_index, name
)
select
    item_index,
    attribute,
    value as word,
    as_number(value) as number,
    as_date(value) as date
from latest
order by item_index, attribute
