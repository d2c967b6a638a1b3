-- faults: one row more for the items' rows that came when the night by which they were known was over, where there are any
insert into faults
select $night::date, 'items', $fault, $rows
