-- One row per limit of a surface that its rows together exceed, per user with too many items of a group, and per row of
-- an item of which nobody says what it costs; sums are compared to the rounding of numbers.
with used as (
    select surface, number, resource, named, most, user_id, cost, acted,
        case when acted then cost * score::double else cost end as uses
    from recommendations
    join limits using (surface, item_id)
),
together as (
    select surface, number, resource, any_value(named) as named, any_value(most) as most, sum(uses) as uses
    from used
    where number > 0
    group by surface, number, resource
)
select surface || ': limit ' || number || ', ' || named || ', has ' || most || ' in all, and rows use ' || uses
from together
where uses > most + 1e-7 * greatest(most, 1)
union all
select surface || ': limit ' || number || ': nobody says what a row of ' || named || ' uses'
from used
where number > 0 and (cost is null or cost < 0)
union all
select surface || ': user ' || user_id || ' has ' || count(*) || ' items of ' || any_value(named)
from used
where number = 0
group by surface, user_id, resource
having count(*) > any_value(most)
order by all
