-- faults: one row more for the rows of an input that came when the night by which they were known was over
insert into faults
select $night::date, $input, $fault, $rows
