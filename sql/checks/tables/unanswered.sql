-- One row per fault of unanswered: gaps in the ranks, a question twice, one that is asked more after one that is asked less, a
-- cluster that question_clusters has otherwise.
select 'there are questions twice or gaps in the ranks'
from unanswered
having count(distinct cluster_id) <> count(*) or max(rank) <> count(*) or count(distinct rank) <> count(*)
union all
select 'rank ' || rank || ' was asked more than the one before it'
from (select *, lag(questions) over (order by rank) as before from unanswered)
where questions > before
union all
select 'cluster ' || cluster_id || ' is not of question_clusters, or is otherwise there'
from unanswered
left join question_clusters as clusters using (cluster_id)
where clusters.cluster_id is null
    or clusters.questions <> unanswered.questions
    or clusters.probability is distinct from unanswered.probability
order by all
