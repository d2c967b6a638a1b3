-- one row per link between two items known at the cut-off: those named by then; of an item of which none was, those that were
-- named first after it, by $heard_by. Where a night names all that there are, only the last one's count.
with item_links as (from item_links where arrival <= $heard_by::date),
item_index as (from item_index where arrival <= $known_by::date),
last_night as (select max(arrival) as night from item_links where arrival <= $known_by::date),
firsts as (
    select item_id, min(arrival) as first_named, max(arrival) filter (arrival <= $known_by::date) as last_named
    from item_links
    group by item_id
),
named as (
    select distinct item_links.item_id, item_links.linked_id
    from item_links
    join firsts using (item_id)
    cross join last_night
    where case
        when firsts.last_named is null then item_links.arrival = firsts.first_named
        when $snapshot::varchar = 'full' then item_links.arrival = last_night.night
        else item_links.arrival <= $known_by::date
    end
),
final as (
    select these.item_index, those.item_index as linked_index
    from named
    join item_index as these using (item_id)
    join item_index as those on those.item_id = named.linked_id
)
select *
from final
order by item_index, linked_index
