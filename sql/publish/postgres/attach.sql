-- The parent's lock (share update exclusive) lets readers and their queries pass.
alter table {table} attach partition {partition} for values in ({load})
