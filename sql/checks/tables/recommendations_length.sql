-- One row per list that is longer than its surface's k, or shorter although there was more to show;
-- rules about the user may leave a list as short as they like.
with lengths as (
    select surface, user_id, count(*) as items from recommendations group by surface, user_id
)
select surface || ': user ' || user_id || ' has ' || lengths.items || ' items, k is ' || k
from lengths
join surfaces using (surface)
left join room using (surface, user_id)
where lengths.items > k or not personal and lengths.items < least(k, coalesce(room.items, 0))
order by all
