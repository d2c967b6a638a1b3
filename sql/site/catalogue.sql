-- One row per item that the night knew, or that is in some table; of those that it does not know the id stands for the
-- title.
create temp table catalogue as
with named as (
    select item_id from recommendations
    union
    select item_id from similar_items
    union
    select item_id from popular_items
)

select
    item_id,
    coalesce(nullif(trim(title), ''), item_id) as title,
    category,
    price,
    currency,
    coalesce(kind, '') as kind,
    first_seen,
    coalesce(available, false) as available
from named
full join known using (item_id)
