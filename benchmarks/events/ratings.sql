-- one row per rating, from the raw logs alone; four stars or five are the goal
select
    viewer as user_id,
    film as item_id,
    cast(replace("time", 'Z', '') as timestamp) as "time",
    cast(case when cast(stars as integer) >= 4 then 1 else 0 end as double) as weight
from read_csv($files, all_varchar = true)
where cast(replace("time", 'Z', '') as timestamp) >= cast($after as date) + interval 1 day
    and cast(replace("time", 'Z', '') as timestamp) < cast($until as date) + interval 1 day
order by all
