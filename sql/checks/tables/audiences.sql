-- One row per fault of audiences: gaps in the ranks or a user twice, a chance that is none or rises, one who never acted.
select audience || ': ' || about || ' has users twice or gaps in its ranks'
from audiences
group by audience, about
having count(distinct user_id) <> count(*) or max(rank) <> count(*) or count(distinct rank) <> count(*)
union all
select audience || ': ' || about || ' has a chance that is none, or rises, at rank ' || rank
from (
    from audiences
    select *, lag(score) over (partition by audience, about order by rank) as before
)
where score is null or not (score between 0 and 1) or score > before
union all
select audience || ': user ' || user_id || ' never acted'
from (select distinct audience, user_id from audiences) anti join targets using (user_id)
order by all
