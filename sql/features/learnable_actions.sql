-- one row per action by the end of the cut-off day of a known user, or of a sample of $most users
with actions as (from actions),
users as (
    select user_index
    from user_index
    where user_index < $users -- who comes later is no reason to learn from others
    qualify row_number() over (order by md5(concat_ws(' ', $salt::varchar, user_index)), user_index) <= $most::bigint
),
learnable as (
    select *
    from actions
    semi join users using (user_index)
    where day <= $cutoff_day and (weight <> 0 or is_label) -- that hides an item teaches nothing
),
sessions as (
    select session_id, row_number() over (order by session_id) - 1 as session_index
    from learnable
    where session_id is not null
    group by session_id
)
select user_index, item_index, day, event_type, weight, quantity, price, session_index
from learnable
left join sessions using (session_id)
order by user_index, day, session_index, item_index, event_id
