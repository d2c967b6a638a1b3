-- one row per thing a person did with a question, from the raw logs alone; to answer, comment or mark is the goal
select
    site || '-' || user_id as user_id,
    site || '-' || question_id as item_id,
    cast(replace(event_time, 'Z', '') as timestamp) as "time",
    cast(case when event_type in ('answer', 'comment', 'favourite') then 1 else 0 end as double) as weight
from read_csv($files, all_varchar = true)
where user_id is not null
    and cast(replace(event_time, 'Z', '') as timestamp) >= cast($after as date) + interval 1 day
    and cast(replace(event_time, 'Z', '') as timestamp) < cast($until as date) + interval 1 day
order by all
