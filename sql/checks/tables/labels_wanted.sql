-- One row per fault of labels_wanted: gaps in the ranks, a document twice, one that has a label already.
select label_set || ' has documents twice or gaps in its ranks'
from labels_wanted
group by label_set
having count(distinct document_id) <> count(*) or max(rank) <> count(*) or count(distinct rank) <> count(*)
union all
select labels_wanted.label_set || ': document ' || labels_wanted.document_id || ' has a label already'
from labels_wanted
join document_labels using (label_set, document_id)
where document_labels.is_given
order by all
