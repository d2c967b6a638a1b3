-- one row: whether raw is a view, see raw_set_aside; a table that is looked for and not there takes DuckDB 10 ms
select coalesce(getvariable('raw_is_view'), false)
