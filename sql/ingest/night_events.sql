-- one row per event taken, in the order of its partition
with staged as (select rowid as event, * from staged_events),
refused as (from duplicates),
final as (
    select
        arrival, event_id, user_id, item_id, event_time, event_type, value, quantity, price, session_id, query, surface,
        rank_shown, run_id_shown, propensity
    from staged
    anti join refused using (event)
    where reason is null and arrival between $first::date and $last::date
)
select *
from final
order by arrival, event_time, event_id
