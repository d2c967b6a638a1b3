-- faults: one row more per night and reason of the documents' rows that are refused, and one for those that say of a document
-- what a later row of the night says again: rows = documents + refused + said again
insert into faults
select night, 'documents', 'refused, as ' || reason, count(*)
from typed_documents
where night is not null and reason is not null
group by night, reason
union all
select night, 'documents', 'said again by a later row', count(*) - count(distinct document_id)
from typed_documents
where reason is null
group by night
having count(*) > count(distinct document_id)
