-- One row per activation, oldest first.
select run_id, previous, published from {schema}.activations order by number
