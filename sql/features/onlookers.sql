-- one row per user of whom there is nothing but events that tell nothing
with partitions as (from read_parquet($partitions, hive_partitioning = true)),
user_index as (from user_index),
everybody as (
    select distinct user_id
    from partitions
    where user_id is not null
)
select everybody.user_id
from everybody
anti join user_index on user_index.user_id = everybody.user_id
order by everybody.user_id
