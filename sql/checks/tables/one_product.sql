-- One row where half of the catalogue are variants of one product, as when its column of parents has a word for "none": a list
-- would show one of them.
with found as (
    select product, count(*) as items, min(item_id) as one
    from products
    group by product
)
select
    items || ' of ' || (select count(*) from items) || ' items are variants of one product, as item ' || one
    || ', so a list shows one of them: let the mapping of the items give parent_id null where there is no parent'
from found
where items > 20 and 2 * items > (select count(*) from items)
