-- One row per fault of document_labels: a document twice in a set, a probability that is none, a label that nobody gave and
-- that is not the likeliest.
select label_set || ': document ' || document_id || ' is there ' || count(*) || ' times'
from document_labels
group by label_set, document_id
having count(*) > 1
union all
select label_set || ': document ' || document_id || ' has a probability that is none'
from document_labels
where not (probability between 0 and 1) or (probability is null) <> (best is null)
union all
select label_set || ': document ' || document_id || ' has a label that is neither given nor the likeliest'
from document_labels
where not is_given and label is not null and label is distinct from best
order by all
