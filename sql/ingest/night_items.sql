-- one row per night and different thing that its logs say about an item, in the order of its partition
with staged as (from staged_items),
final as (
    select arrival, item_id, title, text, category, price, currency, kind, available, rows
    from staged
    where arrival between $first::date and $last::date
)
select *
from final
order by all
