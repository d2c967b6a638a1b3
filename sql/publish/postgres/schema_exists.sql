-- One row: whether the schema is there, whether it has the tables, and whether it has those of the newest version too.
select
    to_regnamespace(quote_ident(%(schema)s)) is not null,
    to_regclass(quote_ident(%(schema)s) || '.current_runs') is not null,
    (
        select bool_and(to_regclass(quote_ident(%(schema)s) || '.' || quote_ident(wanted.name)) is not null)
        from unnest(%(views)s::text[]) as wanted (name)
    )
