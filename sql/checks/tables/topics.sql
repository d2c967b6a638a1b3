-- One row per fault of topics: a topic or a rank twice, a topic without documents, an interval that is none.
select 'topic ' || topic_id || ' is there ' || count(*) || ' times'
from topics
group by topic_id
having count(*) > 1
union all
select 'there are gaps in the ranks, or one is there twice'
from topics
having max(rank) <> count(*) or count(distinct rank) <> count(*)
union all
select 'topic ' || topic_id || ' has no documents, or fewer than none before'
from topics
where documents < 1 or documents_before < 0
union all
select 'topic ' || topic_id || ' has a growth outside of its interval, or a direction without one'
from topics
where growth < growth_low or growth > growth_high or direction is not null and growth_low is null
    or direction not in ('rising', 'falling')
order by all
