-- One row per fault of question_clusters: a cluster or a rank twice, counts below 0, numbers that are no probabilities, an
-- interval that is none, a user whose last question is of a cluster that is not there.
select 'cluster ' || cluster_id || ' is there ' || count(*) || ' times'
from question_clusters
group by cluster_id
having count(*) > 1
union all
select 'there are gaps in the ranks, or one is there twice'
from question_clusters
having max(rank) <> count(*) or count(distinct rank) <> count(*)
union all
select 'cluster ' || cluster_id || ' has a count below 0, or a share or probability that is none'
from question_clusters
where least(questions, questions_before) < 0
    or not coalesce(label_share between 0 and 1, true)
    or not coalesce(probability between 0 and 1, true)
    or (label is null) <> (label_share is null)
union all
select 'cluster ' || cluster_id || ' has a trend outside of its interval, or a direction without one'
from question_clusters
where trend < trend_low or trend > trend_high or direction is not null and trend_low is null
    or direction not in ('rising', 'falling')
union all
select 'user ' || user_id || ' asked last about cluster ' || asked_cluster_id || ', which is not there'
from user_profiles
anti join question_clusters on cluster_id = asked_cluster_id
where asked_cluster_id is not null
order by all
