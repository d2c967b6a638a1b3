insert into {schema}.schema_version (version) values (%(version)s)
on conflict (only_row) do update set version = excluded.version, since = now()
