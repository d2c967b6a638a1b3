-- one row per user and item that the drawn slots of a run could have shown, whose days are over: whether it stood in the list, with
-- which chance, and whether the user acted on it from the list's first day on, $until days after that at the most. If $visits
-- on how many days from $since to $until after the list's first day the user did anything. Of many rows a share of the users.
with columns as (  -- records from before these were kept lack them
    select
        null::float as acted, null::smallint as times, null::float as age, null::integer as items, null::float as idle
    where false
),
records as (
    select * from read_parquet($records, filename = true, hive_partitioning = false, union_by_name = true)
    union all by name
    select * from columns
),
pairs as (
    select
        records.user_id, records.item_id, records.chance, records.is_listed, records.score, records.place,
        records.acted, records.times, records.age, records.items, records.idle,
        recorded.run_date, recorded.run_date + 1 as first_day, recorded.in_arms
    from records
    join recorded on recorded.file = records.filename
    where $share::double >= 1 or bucket('withheld', records.user_id) < $share
),
event_types as (
    select unnest($names::varchar[]) as event_type, unnest($neutral::double[]) as neutral
),
done as (
    select distinct events.user_id, if($visits, null, events.item_id) as item_id, events.event_time::date as day
    from read_parquet($partitions, union_by_name = true, hive_partitioning = false) as events
    join event_types using (event_type)
    where events.user_id is not null
        and events.event_time::date between $oldest::date and $last::date
        and ($visits or coalesce(events.value > event_types.neutral, true))
),
counted as (
    select pairs.user_id, pairs.item_id, pairs.first_day, count(distinct done.day)::double as days
    from pairs
    join done
        on done.user_id = pairs.user_id
        and ($visits or done.item_id = pairs.item_id)
        and done.day between pairs.first_day + $since::integer and pairs.first_day + $until::integer
    group by pairs.user_id, pairs.item_id, pairs.first_day
)
select
    pairs.user_id, pairs.run_date, pairs.chance, pairs.is_listed, pairs.score, pairs.place,
    pairs.acted, pairs.times, pairs.age, pairs.items, pairs.idle,
    case when counted.days is null then 0.0 when $visits then counted.days else 1.0 end::double as outcome,
    coalesce(arms.arm, '') as arm
from pairs
left join counted using (user_id, item_id, first_day)
left join arms on pairs.in_arms and arms.low <= bucket($salt, pairs.user_id) and bucket($salt, pairs.user_id) < arms.high
where pairs.first_day + $until::integer <= $last::date
order by pairs.user_id, pairs.run_date, pairs.place
