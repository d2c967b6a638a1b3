-- One row per user with a history who has no list on a surface with something left to show, per list of nobody known, and
-- per surface that could show something and does not, or never could.
with wanted as (
    select surface, user_id
    from room
    join surfaces using (surface)
    where room.items > 0 and not personal
),
given as (
    select distinct surface, user_id from recommendations
)
select surface || ': user ' || user_id || ' has no list'
from wanted anti join given using (surface, user_id)
union all
select surface || ': user ' || user_id || ' has a list and no history'
from given anti join targets using (user_id)
union all
select surface || ': not a configured surface'
from (select distinct surface from given) anti join surfaces using (surface)
union all
select surface || ': nobody has a list'
from (select distinct surface from wanted) anti join given using (surface)
union all
select surface || ': its predicate has never left an item that may be shown'
from surfaces
where possible = 0 and not ever
order by all
