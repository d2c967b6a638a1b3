-- one row: what the log and the catalogue know of each other's items
with catalogue as (select item_id, bool_or(title is not null) as has_title from staged_items group by item_id),
log_items as (select item_id, count(*) as events from checked group by item_id)
select
    (select count(*) from catalogue) as catalogue,
    (select count(*) from log_items semi join catalogue using (item_id)) as known,
    (select count(*) from log_items join catalogue using (item_id) where has_title) as titled,
    (select sum(events) from log_items semi join catalogue using (item_id))::bigint as known_events,
    (select count(*) from catalogue anti join log_items using (item_id)) as unused
