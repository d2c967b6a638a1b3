-- one row per user and item of whom the last night that names both, up to the cut-off, says that one is never shown the
-- other, or not yet again
with item_exclusions as (from item_exclusions where arrival <= $known_by::date),
item_index as (from item_index where arrival <= $known_by::date),
user_index as (from user_index where user_index < $users),
said as (
    select user_id, item_id, valid_until
    from item_exclusions
    qualify row_number() over (partition by user_id, item_id order by arrival desc) = 1
),
final as (
    select user_index.user_index, item_index.item_index
    from said
    join item_index using (item_id)
    join user_index using (user_id)
    where coalesce(said.valid_until >= $valid_on::date, true)
)
select *
from final
order by user_index, item_index
