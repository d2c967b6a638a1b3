-- A table beside the partitioned one, with its columns. The default fills `load`, which the rows that come do not
-- have; the check lets the table be attached without being read once more.
create table {partition} (like {table}, check (load = {load}));
alter table {partition} alter column load set default {load}
