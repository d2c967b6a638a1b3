-- one row per behaviour towards an article, from the raw logs alone; the weights are examples/deskdrop/pipeline.toml's
with behaviours(eventType, weight) as (
    values ('VIEW', 1.0), ('LIKE', 2.0), ('BOOKMARK', 2.5), ('FOLLOW', 3.0), ('COMMENT CREATED', 4.0)
),
logged as (
    select distinct *, make_timestamp(cast("timestamp" as bigint) * 1000000) as time
    from read_csv($files, all_varchar = true)
)
select personId as user_id, contentId as item_id, time, cast(weight as double) as weight
from logged
join behaviours using (eventType)
where time >= cast($after as date) + interval 1 day
    and time < cast($until as date) + interval 1 day
order by all
