-- The pointer is read by a subquery: the executor looks it up once and then opens one partition.
create or replace view {view} as
select
    (select run_id from {schema}.active_run) as run_id,
    {columns}
from {table} as r
where r.load = (select load from {schema}.active_run)
