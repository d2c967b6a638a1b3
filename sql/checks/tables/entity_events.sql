-- One row per fault of entity_events: a day twice, one with no more texts than expected, a share that is none, a day that
-- entity_sentiment does not have.
select entity || ' has ' || day || ' ' || count(*) || ' times'
from entity_events
group by entity, day
having count(*) > 1
union all
select entity || ' is said to be unusual on ' || day || ' and is not'
from entity_events
where texts <= expected or not (false_share between 0 and 1) or novelty not between 0 and 1
union all
select entity || ' has a row of ' || day || ' with other texts than entity_sentiment counts'
from entity_events
left join entity_sentiment using (entity, day)
where entity_events.texts is distinct from entity_sentiment.texts
order by all
