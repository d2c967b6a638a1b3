insert into {schema}.runs (run_id, run_date, published_at, code_version, config_hash, metrics)
values (%(run_id)s, %(run_date)s, %(published_at)s, %(code_version)s, %(config_hash)s, %(metrics)s)
on conflict (run_id) do update set
    run_date = excluded.run_date,
    published_at = excluded.published_at,
    code_version = excluded.code_version,
    config_hash = excluded.config_hash,
    metrics = excluded.metrics
