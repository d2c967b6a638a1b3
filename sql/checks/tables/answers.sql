-- One row per fault of answers: gaps in the ranks of a question, an answer twice, scores that rise, a cluster that is in no row
-- of question_clusters.
select 'cluster ' || cluster_id || ' has answers twice or gaps in its ranks'
from answers
group by cluster_id
having count(distinct document_id) <> count(*) or max(rank) <> count(*) or count(distinct rank) <> count(*)
union all
select 'cluster ' || cluster_id || ' has a score that is none, or rises, at rank ' || rank
from (select *, lag(score) over (partition by cluster_id order by rank) as before from answers)
where not isfinite(score) or score > before
union all
select 'cluster ' || named.cluster_id || ' is not of question_clusters'
from (select cluster_id from answers union select like_cluster_id from answers where like_cluster_id is not null) as named
anti join question_clusters using (cluster_id)
order by all
