-- What an application looks up by: a user's lists and profile, an item's neighbours. DuckDB uses an index where the
-- indexed column is the only one that is filtered; see sql/publish/show_lists.sql for how to add another filter.
create index {index} on {table} ({column})
