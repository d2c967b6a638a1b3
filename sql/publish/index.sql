-- What an application looks up by: a user's lists and profile, an item's neighbours. DuckDB uses an index where the
-- indexed column is the only one that is filtered; see sql/publish/show_lists.sql for how to add another filter.
create index recommendations_by_user on recommendations (user_id);
create index similar_items_by_item on similar_items (item_id);
create index search_results_by_query on search_results (query);
create index user_profiles_by_user on user_profiles (user_id);
