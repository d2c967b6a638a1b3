-- One row: whether the schema is there, whether it has what publishers lock, and whether it has been published to.
select
    to_regnamespace(quote_ident(%(schema)s)) is not null,
    to_regclass(quote_ident(%(schema)s) || '.schema_version') is not null,
    exists (
        select
        from unnest(array['runs', 'loads', 'active_run', 'activations']) as kept (name)
        where to_regclass(quote_ident(%(schema)s) || '.' || kept.name) is not null
    )
