-- One row per segment and rank: what a user is shown of whom nothing is known ("all", "new_arrivals"), only the surface
-- ("surface:coupons", where it may show less than all), or only an attribute ("country:France").
-- The score is the number of buyers in the last 28 days. Of items that nobody ever bought the newest come first.
with counted as (
    select segment, item_index, buyers_28 as score
    from shown join stats using (item_index)
    union all
    select 'new_arrivals', item_index, buyers_28
    from items join stats using (item_index) join shown using (item_index)
    where segment = 'all' and first_seen > $run_date::date - $new_days::integer
    union all
    select attributes.segment, item_index, count(distinct user_index)
    from interactions join attributes using (user_index) join shown using (item_index)
    where shown.segment = 'all' and last_age < 28
    group by attributes.segment, item_index
),
ranked as (
    select
        segment,
        row_number() over (
            partition by segment
            order by
                score desc,
                buyers_91 desc,
                buyers_total desc,
                case when buyers_total = 0 then first_seen end desc nulls last,
                item_id
        ) as rank,
        item_id,
        score
    from counted join stats using (item_index) join items using (item_index)
)
select $run_id as run_id, segment, rank, item_id, score
from ranked
where rank <= $k
order by segment, rank
