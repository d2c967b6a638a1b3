-- One row per list whose ranks are not 1, 2, ..., n.
select surface || ': the ' || count(*) || ' ranks of user ' || user_id || ' go from ' || min(rank) || ' to ' || max(rank)
from recommendations
group by surface, user_id
having min(rank) <> 1 or max(rank) <> count(*) or count(distinct rank) <> count(*)
order by all
