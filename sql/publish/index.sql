-- What an application looks up by: a user's lists and profile, an item's neighbours.
create index recommendations_by_user on recommendations (user_id);
create index similar_items_by_item on similar_items (item_id);
create index user_profiles_by_user on user_profiles (user_id);
