-- The connection that holds the lock waits for its publisher as long as that takes, whatever the role's defaults are. (Not
-- every version of PostgreSQL knows all of these.)
select set_config(name, '0', false)
from pg_settings
where name in ('idle_in_transaction_session_timeout', 'transaction_timeout', 'statement_timeout', 'lock_timeout')
