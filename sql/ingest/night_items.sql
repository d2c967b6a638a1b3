-- one row per night and different thing that its logs say about an item
with staged as (from staged_items),
final as (
    select
        arrival, item_id, title, text, category, price, currency, kind, available, count(*) as rows
    from staged
    where arrival between $first::date and $last::date
    group by all
)
select *
from final
order by all
