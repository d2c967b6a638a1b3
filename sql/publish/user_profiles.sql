-- One row per user with an event: how active, in which categories (none when the shop has no categories), and what the user
-- asked last.
-- Ages are whole days before the night, so the time of the last event is the start of its day. Weights are summed as
-- integers, so that the order of the rows cannot change a sum.
with weights as (
    select user_index, category, sum(round(confidence * 1000000)::hugeint) as weight
    from interactions join items using (item_index)
    where category is not null and category <> ''
    group by user_index, category
),
favourites as (
    select user_index, list(category order by weight desc, category)[1:3] as top_categories
    from weights
    where weight > 0
    group by user_index
)
select
    $run_id as run_id,
    user_id,
    case
        when stats.items < $new_items then 'new'
        when stats.items >= $heavy_items then 'heavy'
        else 'light'
    end as segment,
    coalesce(top_categories, []) as top_categories,
    actions as events,
    ($run_date::date - round(last_age)::integer)::timestamptz as last_event_time,
    asked.cluster_id as asked_cluster_id,
    asked.document_id as asked_document_id,
    asked.label as asked_label,
    asked.time as asked_at
from stats
join users using (user_index)
left join favourites using (user_index)
left join asked using (user_id)
where actions > 0
order by user_id
