-- One publisher at a time, per schema. The mode conflicts with itself and with no reader's, and only a role that may write
-- to the table can take it, be it for a moment. See pipeline/published/targets/schema_lock.py.
lock table {schema}.schema_version in share update exclusive mode nowait
