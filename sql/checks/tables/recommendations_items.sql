-- One row per item shown that is unknown, not available, or excluded by its surface's predicate.
with shown as (
    select distinct surface, item_id from recommendations
)
select surface || ': item ' || item_id || ' is unknown'
from shown anti join items using (item_id)
union all
select surface || ': item ' || item_id || ' is not available'
from shown join items using (item_id)
where not available
union all
select surface || ': item ' || item_id || ' is hidden by the surface'
from shown join hidden using (surface, item_id)
order by all
