-- One row per item that the night knew, or that is in some table; of those that it does not know the id stands for the
-- title. A title is cut after $longest characters, as it is repeated wherever it is found.
create temp table catalogue as
with named as (
    select item_id from recommendations
    union
    select item_id from similar_items
    union
    select similar_item_id from similar_items
    union
    select item_id from popular_items
    union
    select item_id from search_results
)

select
    item_id,
    coalesce(nullif(trim(title), ''), item_id) as whole,
    case when length(whole) > $longest then whole[1:$longest] || '…' else whole end as title,
    category,
    price,
    currency,
    coalesce(kind, '') as kind,
    first_seen,
    available
from named
full join known using (item_id)
