-- one row per attribute ($names, which are $kinds) and item known at the cut-off, with what was said of it last by then; of a
-- date its age in days. Of words the most frequent count.
with item_attribute_log as (from item_attribute_log where arrival <= $known_by::date),
item_index as (from item_index where item_index < $items),
declared as (select unnest($names::varchar[]) as attribute, unnest($kinds::varchar[]) as kind),
latest as (
    select item_id, name as attribute, arg_max(value, arrival) as value
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
            when 'number' then try_cast(said.value as double)
            when 'date' then $cutoff_day - (try_cast(said.value as date) - date '1970-01-01')
        end as number
    from said
    left join frequent on said.kind = 'word' and said.attribute = frequent.attribute and said.value = frequent.value
)
select *
from final
where word is not null or number is not null
order by attribute, item_index
