-- one row per (user, item) with a label action in the days after the cut-off, of users with a history by then
with user_item_days as (from user_item_days where user_index >= $first_user and user_index < $users),
history as (from interactions where user_index >= $first_user and user_index < $users),
known as (select distinct user_index from history),
final as (
    select
        windowed.user_index,
        windowed.item_index,
        least(count(*), 32767) as count,
        not exists (
            from history
            where history.user_index = windowed.user_index and history.item_index = windowed.item_index
        ) as is_new
    from user_item_days as windowed
    semi join known using (user_index)
    where windowed.day > $cutoff_day and windowed.day <= $cutoff_day + $horizon_days and windowed.labels > 0
    group by windowed.user_index, windowed.item_index
)
select *
from final
order by user_index, item_index
