-- one row per surface and user in an arm, over the spans, days on which one run's lists were shown: on how many days the user
-- had a list, and what the user did on them. actions: of the surface's goal, each item once a day; hits: those whose item
-- stood in the first k of the list; clicks: as they are logged on it, each item once a day. Who did nothing counts with 0.
with lists as (
    select run_id, surface, user_id, rank, item_id
    from read_parquet($lists, hive_partitioning = false) as lists
    semi join spans using (run_id)
    where rank <= $k and (len($surfaces::varchar[]) = 0 or list_contains($surfaces, surface))
),
people as (
    select lists.run_id, lists.surface, coalesce(surfaces.wish, '') as wish, lists.user_id, arms.arm, spans.days
    from lists
    join spans using (run_id)
    join arms on arms.low <= bucket($salt, lists.user_id) and bucket($salt, lists.user_id) < arms.high
    left join surfaces using (surface)
    where lists.rank = 1
),
acted as (
    select distinct spans.run_id, wishes.wish, since.user_id, since.item_id, since.day
    from since
    join spans on since.day between spans.first_day and spans.last_day
    cross join wishes
    left join wished_items on wished_items.wish = wishes.wish and wished_items.item_id = since.item_id
    where (not wishes.is_limited or wished_items.item_id is not null)
        and case
            when len(wishes.goal) = 0 then since.is_label
            else since.speaks_for and list_contains(wishes.goal, since.event_type)
        end
),
done as (
    select people.run_id, people.surface, people.user_id, count(*) as actions, count(lists.item_id) as hits
    from people
    join acted using (run_id, wish, user_id)
    left join lists
        on lists.run_id = people.run_id and lists.surface = people.surface and lists.user_id = people.user_id
        and lists.item_id = acted.item_id
    group by all
),
clicked as (
    select people.run_id, people.surface, people.user_id, count(distinct (since.item_id, since.day)) as clicks
    from people
    join spans using (run_id)
    join since
        on since.run_id_shown = people.run_id and since.user_id = people.user_id
        and since.day between spans.first_day and spans.last_day
        and since.is_click and coalesce(since.surface, people.surface) = people.surface
    group by all
)
select
    people.surface,
    people.user_id,
    any_value(people.arm) as arm,
    sum(people.days)::bigint as days,
    sum(coalesce(done.actions, 0))::bigint as actions,
    sum(coalesce(done.hits, 0))::bigint as hits,
    sum(coalesce(clicked.clicks, 0))::bigint as clicks
from people
left join done using (run_id, surface, user_id)
left join clicked using (run_id, surface, user_id)
group by people.surface, people.user_id
order by people.surface, people.user_id
