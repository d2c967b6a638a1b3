-- One row: the rows of a published table, and the different things they are about.
select count(*), count(distinct {column}) from {view}
