-- table typed_item_attributes: one row per row of the shop's mapping and attribute ($names, which are $kinds) of which it says
-- something, and in words why it is left out; what is wrong with the row itself, typed_items says
create or replace table typed_item_attributes as
with described as (
    select
        case when arrival is not null then greatest(arrival, $since::date) end as arrival,
        said,
        night,
        item_id,
        unnest($names::varchar[]) as name,
        unnest($kinds::varchar[]) as kind,
        unnest(attributes) as value
    from typed_items
)
select
    arrival,
    said,
    night,
    item_id,
    name,
    attribute_value(kind, value) as value,
    case
        when attribute_fault(kind, value) is not null then 'without ' || name || ', which is ' || attribute_fault(kind, value)
    end as fault
from described
where value is not null
