-- One row per segment and rank: what a user is shown of whom nothing is known ("all", "new_arrivals"), only the surface
-- ("surface:coupons", where it may show less than all), or only an attribute ("country:France").
-- The score is how popular an item is; of items that nobody ever bought the newest come first. In a segment of users it is
-- what the number of its buyers there in the last $days would be if $prior users more were among them who buy as everybody
-- does, so that few users make no list of their own; a segment of fewer than $min_users is left out.
with lately as (
    select distinct user_index, item_index from interactions where last_age < $days
),
active as (select attributes.* from attributes semi join lately using (user_index)),
segments as (
    select segment, count(*) as users
    from active
    group by segment
    having count(*) >= $min_users
),
everybody as (select count(distinct user_index) as users from lately),
popular as (
    select
        item_index,
        count(*) as buyers,
        row_number() over (order by count(*) desc, buyers_91 desc, buyers_total desc, item_id) as place
    from lately join shown using (item_index) join stats using (item_index) join items using (item_index)
    where shown.segment = 'all'
    group by item_index, buyers_91, buyers_total, item_id
),
bought as (
    select active.segment, lately.item_index, count(*) as buyers
    from lately join active using (user_index)
    group by active.segment, lately.item_index
),
-- what nobody of a segment bought can stand in it only if it is among the first everywhere
candidates as (
    select segment, item_index from bought
    union
    select segment, item_index from segments cross join popular where place <= $k
),
smoothed as (
    select
        segment,
        item_index,
        (coalesce(bought.buyers, 0) + $prior * popular.buyers / everybody.users)
        * segments.users / (segments.users + $prior) as score
    from candidates
    join segments using (segment)
    join popular using (item_index)
    left join bought using (segment, item_index)
    cross join everybody
),
counted as (
    select segment, item_index, popularity as score
    from shown join stats using (item_index)
    union all
    select 'new_arrivals', item_index, popularity
    from items join stats using (item_index) join shown using (item_index)
    where segment = 'all' and first_seen > $run_date::date - $new_days::integer
    union all
    select segment, item_index, score
    from smoothed
    where score > 0
),
placed as (
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
        ) as place,
        product,
        item_id,
        score
    from counted join stats using (item_index) join items using (item_index)
),
-- of a product's variants the best
once as (
    select *
    from placed
    qualify product is null or row_number() over (partition by segment, product order by place) = 1
),
ranked as (
    select segment, row_number() over (partition by segment order by place) as rank, item_id, score from once
)
select $run_id as run_id, segment, rank, item_id, score
from ranked
where rank <= $k
order by segment, rank
