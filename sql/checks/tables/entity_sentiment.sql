-- One row per fault of entity_sentiment: a day twice, one on which nothing was written, a mean outside of its own interval, a
-- day after the night.
select entity || ' has ' || day || ' ' || count(*) || ' times'
from entity_sentiment
group by entity, day
having count(*) > 1
union all
select entity || ' has no texts on ' || day
from entity_sentiment
where texts < 1
union all
select entity || ' has on ' || day || ' a tone outside of its interval, or one of no document'
from entity_sentiment
where not (mean between low and high) or mean is not null and labelled < 1
union all
select entity || ' has a row of ' || day || ', after the night'
from entity_sentiment
join runs using (run_id)
where day > run_date
order by all
