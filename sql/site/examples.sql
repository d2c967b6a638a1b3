-- One row per user that the page offers to look at: of each segment a few, those whose ids'
-- hashes come first.
select segment, user_id
from (
    select segment, user_id, row_number() over (partition by segment order by md5(user_id)) as place
    from profiles
    semi join shown using (user_id)
)
where place <= $each
order by case segment when 'heavy' then 0 when 'light' then 1 else 2 end, place
