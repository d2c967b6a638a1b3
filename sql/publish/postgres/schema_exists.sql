-- One row: whether the schema is there, whether it has the tables, and whether it has those of the newest version too.
select
    to_regnamespace(quote_ident(%(schema)s)) is not null,
    to_regclass(quote_ident(%(schema)s) || '.current_runs') is not null,
    to_regclass(quote_ident(%(schema)s) || '.current_recommendation_outcomes') is not null
    and to_regclass(quote_ident(%(schema)s) || '.current_search_results') is not null
