-- One row: how many rows the file of a table has that the database has not, and the other way round, each as often as it is there.
select
    (select count(*) from (select * from filed except all select * from loaded)) as missing,
    (select count(*) from (select * from loaded except all select * from filed)) as added
