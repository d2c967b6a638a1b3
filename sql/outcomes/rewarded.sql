-- table drawn_slots again, one row per slot that is $until days old: its reward is how often its user did something of the types,
-- whatever the item, from $since to $until days after the slot's day; a user and item count once a day, or a user if $visits.
-- What speaks against an item is no reward.
create or replace table drawn_slots as
with event_types as (
    select unnest($types::varchar[]) as event_type, unnest($neutral::double[]) as neutral
),
done as (
    select distinct events.user_id, events.event_time::date as day, if($visits, null, events.item_id) as item_id
    from read_parquet($partitions, union_by_name = true, hive_partitioning = false) as events
    join event_types using (event_type)
    where events.user_id is not null and ($visits or coalesce(events.value > event_types.neutral, true))
),
slots as (
    select * from drawn_slots where day + $until::integer <= $last::date
),
counted as (
    select shown.user_id, shown.day, count(*)::double as reward
    from (select distinct user_id, day from slots) as shown
    join done
        on shown.user_id = done.user_id
        and done.day between shown.day + $since::integer and shown.day + $until::integer
    group by shown.user_id, shown.day
)
select
    slots.surface, slots.user_id, slots.run_id_shown, slots.rank, slots.item_id, slots.chance, slots.day, slots.is_clicked,
    coalesce(counted.reward, 0.0) as reward
from slots
left join counted on slots.user_id = counted.user_id and slots.day = counted.day
