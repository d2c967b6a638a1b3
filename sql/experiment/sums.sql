-- one row per surface, arm and measure: the sums over users that a mean per user and day, and its error, follow from. Whole
-- numbers, so that their order says nothing.
with measured as (
    unpivot (select surface, arm, days, actions, hits, clicks from arms_so_far)
    on actions, hits, clicks
    into name measure value done
)
select
    surface, arm, measure,
    count(*) as users,
    count(*) filter (done > 0) as active,
    sum(days)::double as n,
    sum(days * days)::double as nn,
    sum(done)::double as s,
    sum(done * done)::double as ss,
    sum(done * days)::double as sn
from measured
group by surface, arm, measure
order by surface, arm, measure
