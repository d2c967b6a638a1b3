-- one row per (user, eligible item) with an action of the goal in the days after the cut-off, of users with a history by then
with actions as (from actions),
history as (from interactions),
eligible as (from eligible),
known as (select distinct user_index from history),
wanted as (
    select user_index, item_index, day
    from actions
    semi join known using (user_index)
    semi join eligible using (item_index)
    where day > $cutoff_day and day <= $cutoff_day + $horizon_days
        and case when array_length($goal::varchar[]) = 0 then is_label else weight > 0 and list_contains($goal::varchar[], event_type) end
),
final as (
    select
        wanted.user_index,
        wanted.item_index,
        least(count(distinct day), 32767) as count,
        not exists (
            from history
            where history.user_index = wanted.user_index and history.item_index = wanted.item_index
        ) as is_new
    from wanted
    group by wanted.user_index, wanted.item_index
)
select *
from final
order by user_index, item_index
