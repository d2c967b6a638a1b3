-- one row per action of a known user by the end of the cut-off day
with actions as (from actions),
learnable as (
    select *
    from actions
    where user_index is not null and day <= $cutoff_day
),
sessions as (
    select session_id, row_number() over (order by session_id) - 1 as session_index
    from learnable
    where session_id is not null
    group by session_id
)
select user_index, item_index, day, weight, quantity, price, session_index
from learnable
left join sessions using (session_id)
order by user_index, day, session_index, item_index, event_id
