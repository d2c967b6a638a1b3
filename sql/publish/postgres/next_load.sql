select nextval(to_regclass(quote_ident(%(schema)s) || '.load_numbers'))::integer
