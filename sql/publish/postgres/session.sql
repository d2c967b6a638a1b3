-- Every name in these files carries its schema, so no other schema's table or function can be meant by it.
set search_path = pg_catalog, pg_temp;
set timezone = 'UTC';
set client_min_messages = warning;
-- A publisher whose machine is gone gives back its lock after two minutes.
set tcp_keepalives_idle = 60;
set tcp_keepalives_interval = 10;
set tcp_keepalives_count = 6
