-- The file's own run; the table also lists the runs before it.
create view {view} as from {table} where run_id = {run_id}
