-- which user of the learnable ones acted on which item in the $days days after the cut-off day
with actions as (from actions),
users as (
    select user_index
    from user_index
    where user_index < $users -- who comes later is no reason to learn from others
    qualify row_number() over (order by md5(concat_ws(' ', $salt::varchar, user_index)), user_index) <= $most::bigint
)
select distinct user_index, item_index
from actions
semi join users using (user_index)
where weight > 0 and day > $cutoff_day and day <= $cutoff_day + $days
order by user_index, item_index
