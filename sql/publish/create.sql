-- The published tables of one run, as pipeline/schemas.py has them, and the views that applications read.
create table runs (
    run_id varchar not null,
    run_date date not null,
    published_at timestamptz not null,
    code_version varchar not null,
    config_hash varchar not null,
    metrics varchar not null
);
create table recommendations (
    run_id varchar not null,
    surface varchar not null,
    user_id varchar not null,
    rank integer not null,
    item_id varchar not null,
    score float not null,
    source varchar not null,
    reason varchar not null
);
create table similar_items (
    run_id varchar not null,
    item_id varchar not null,
    rank integer not null,
    similar_item_id varchar not null,
    score float not null
);
create table popular_items (
    run_id varchar not null,
    segment varchar not null,
    rank integer not null,
    item_id varchar not null,
    score float not null
);
create table search_results (
    run_id varchar not null,
    query varchar not null,
    rank integer not null,
    item_id varchar not null,
    score float not null
);
create table user_profiles (
    run_id varchar not null,
    user_id varchar not null,
    segment varchar not null,
    top_categories varchar[] not null,
    events integer not null,
    last_event_time timestamptz
);
create table recommendation_outcomes (
    run_id varchar not null,
    judged_run_id varchar not null,
    was_active boolean not null,
    days integer not null,
    surface varchar not null,
    source varchar not null,
    bucket_kind varchar not null,
    bucket varchar not null,
    users integer not null,
    shown integer not null,
    hits integer not null,
    hit_rate float not null,
    precision float not null,
    ndcg float not null,
    ndcg_low float not null,
    ndcg_high float not null,
    recall float not null,
    impressions integer not null,
    clicks integer not null
);
-- The file holds one run, so it is the active one whenever the file is. `runs` also lists the runs before it.
create view current_recommendations as from recommendations;
create view current_similar_items as from similar_items;
create view current_popular_items as from popular_items;
create view current_search_results as from search_results;
create view current_user_profiles as from user_profiles;
create view current_recommendation_outcomes as from recommendation_outcomes;
create view current_runs as from runs where run_id = (select max(run_id) from popular_items);
