-- one row per user and item offered by the cut-off whose offer is not over, and one without a user per item of which an
-- offer is over or to somebody who is not known. Where a night names all that there are, only the last one's count.
with item_offers as (from item_offers where arrival <= $known_by::date),
item_index as (from item_index where arrival <= $known_by::date),
user_index as (from user_index where user_index < $users),
last_night as (select max(arrival) as night from item_offers),
named as (
    select distinct user_id, item_id, coalesce(valid_until >= $valid_on::date, true) as lasts
    from item_offers
    cross join last_night
    where $snapshot::varchar <> 'full' or arrival = last_night.night
),
final as (
    select distinct case when named.lasts then user_index.user_index end as user_index, item_index.item_index
    from named
    join item_index using (item_id)
    left join user_index using (user_id)
)
select *
from final
order by user_index nulls first, item_index
