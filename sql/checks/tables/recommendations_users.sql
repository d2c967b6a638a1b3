-- One row per user with a history who has no list on a surface that could show something, per list of nobody known, and per
-- surface that could show nothing.
with wanted as (
    select surface, user_id from surfaces cross join targets where repeats and possible > 0 and not personal
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
from surfaces anti join given using (surface)
where possible > 0 and not personal and exists (from targets)
union all
select surface || ': its predicate leaves no item that may be shown'
from surfaces
where possible = 0
order by all
