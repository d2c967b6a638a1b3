-- One row: whether the schema is there, and whether it has the tables.
select to_regnamespace(quote_ident(%(schema)s)) is not null, to_regclass(quote_ident(%(schema)s) || '.current_runs') is not null
