-- One row: which version of Nightjar's tables the file has (pipeline/published/contract.py, SCHEMA_VERSION). A file without
-- this table is older than it.
create table schema_version as select $version::integer as version
