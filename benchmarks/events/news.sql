-- one row per click, from the raw logs alone, in New York's time
select
    reader as user_id,
    article as item_id,
    cast("time" as timestamptz) at time zone 'America/New_York' as "time",
    cast(1 as double) as weight
from read_csv($files, all_varchar = true)
where cast("time" as timestamptz) at time zone 'America/New_York' >= cast($after as date) + interval 1 day
    and cast("time" as timestamptz) at time zone 'America/New_York' < cast($until as date) + interval 1 day
order by all
