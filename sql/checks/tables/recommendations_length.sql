-- One row per list that is longer than its surface's k, or shorter although there was more to show;
-- rules about the user may leave a list as short as they like.
with lengths as (
    select surface, user_id, count(*) as items from recommendations group by surface, user_id
),
seen as (
    select user_id, count(*) as seen
    from interactions join users using (user_index)
    group by user_id
)
select surface || ': user ' || user_id || ' has ' || items || ' items, k is ' || k
from lengths
join surfaces using (surface)
left join seen using (user_id)
where items > k
    or not personal and items < least(k, possible - case when repeats then 0 else coalesce(seen, 0) end)
order by all
