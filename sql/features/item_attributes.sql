-- one row per attribute (of `declared`, with its kind) and item known at the cut-off, with what was said of it last by then; of a
-- date its age in days. Of words the most frequent count.
with item_attribute_log as (from item_attribute_log where arrival <= $known_by::date),
item_index as (from item_index where item_index < $items),
latest as (
    select item_id, name as attribute, arg_max(value, arrival) filter (where value is not null) as value
    from item_attribute_log
    group by item_id, name
),
said as (
    select attribute, item_index, kind, value
    from latest
    join declared using (attribute)
    join item_index using (item_id)
),
frequent as (
    select attribute, value
    from said
    where kind = 'word'
    group by attribute, value
    qualify row_number() over (partition by attribute order by count(*) desc, value) <= $words
),
final as (
    select
        said.attribute,
        said.item_index,
        frequent.value as word,
        case kind
            when 'number' then as_number(said.value)
            when 'date' then $cutoff_day - date_diff('day', date '1970-01-01', as_date(said.value))
        end as number
    from said
    left join frequent on said.kind = 'word' and said.attribute = frequent.attribute and said.value = frequent.value
)
select *
from final
where word is not null or number is not null
order by attribute, item_index
