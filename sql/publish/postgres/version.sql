select version from {schema}.schema_version
