-- the drawn slots of a surface whose days are over, in an order of their own: by how many days they have been so, what came of
-- each, and on how many of the $habit days before the slot's its user did anything
with came as (
    select distinct user_id, event_time::date as day
    from read_parquet($partitions, union_by_name = true, hive_partitioning = false)
    where user_id is not null
),
slots as (
    select * from drawn_slots where surface = $surface and item_id is not null
),
habits as (
    select shown.user_id, shown.day, count(*)::double as days
    from (select distinct user_id, day from slots) as shown
    join came on came.user_id = shown.user_id and came.day between shown.day - $habit::integer and shown.day - 1
    group by shown.user_id, shown.day
)
select
    slots.surface, $by as by, $days::integer as days, slots.user_id, slots.item_id, slots.rank,
    ($last::date - slots.day - $until::integer)::integer as age,
    slots.reward, coalesce(habits.days, 0.0) as before
from slots
left join habits using (user_id, day)
order by slots.user_id, slots.item_id, slots.rank, age, slots.reward
