-- Waits for the transactions that use the tables, and lets new ones pass meanwhile.
alter table {table} detach partition {partition} concurrently
