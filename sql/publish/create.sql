-- One published table of a run's file.
create table {table} ({columns})
