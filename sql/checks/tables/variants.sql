-- One row per list with more variants of a product than it may hold, what editors pinned aside.
with recommended as (
    select surface || ': user ' || user_id as list, product, max_per_product as most, count(*) as items
    from recommendations
    join surfaces using (surface)
    join products using (item_id)
    where source <> 'editor:pin'
    group by all
),
others as (
    select 'segment ' || segment as list, product, count(*) as items
    from popular_items join products using (item_id)
    group by all
    union all
    select 'query "' || query || '"', product, count(*)
    from search_results join products using (item_id)
    group by all
    union all
    select 'item ' || similar_items.item_id, products.product, count(*)
    from similar_items join products on products.item_id = similar_items.similar_item_id
    group by all
    union all
    select 'item ' || similar_items.item_id, own.product, 2
    from similar_items
    join products on products.item_id = similar_items.similar_item_id
    join products as own on own.item_id = similar_items.item_id
    where own.product = products.product
)
select list || ' has ' || items || ' variants of a product, with item ' || any_value(products.item_id order by products.item_id)
from (
    select list, product, items from recommended where items > most
    union
    select list, product, items from others where items > 1
)
join products using (product)
group by list, product, items
order by all
