insert into {schema}.activations (run_id, previous, published) values (%(run_id)s, %(previous)s, %(published)s)
