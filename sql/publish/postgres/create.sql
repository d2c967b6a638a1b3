-- What one schema holds. `load` numbers the loads of runs: it is the partition of the rows, so the run's id is stored
-- once per run and not once per row, and loading a run again never touches the rows that readers see.
-- Text is compared byte by byte ("C"): the order of an index does not depend on the operating system's locale data.
create table if not exists {schema}.runs (
    run_id text collate "C" primary key,
    run_date date not null,
    published_at timestamptz not null,
    code_version text not null,
    config_hash text not null,
    metrics text not null
);
create sequence if not exists {schema}.load_numbers as integer;
-- One row per loaded run that is whole. `beside`: the virtual transactions that were reading the tables when the
-- run's partitions were attached (null: not known yet); until they end, the run cannot become active.
create table if not exists {schema}.loads (
    load integer primary key,
    run_id text collate "C" not null references {schema}.runs,
    beside text[]
);
-- One row: what readers see.
create table if not exists {schema}.active_run (
    only_row boolean primary key default true check (only_row),
    load integer not null references {schema}.loads,
    run_id text collate "C" not null references {schema}.runs
);
create table if not exists {schema}.activations (
    number integer generated always as identity primary key,
    run_id text collate "C" not null references {schema}.runs,
    previous text collate "C" references {schema}.runs,
    published boolean not null,
    activated_at timestamptz not null default now()
);
create table if not exists {schema}.recommendations (
    load integer not null,
    rank integer not null,
    score real not null,
    surface text collate "C" not null,
    user_id text collate "C" not null,
    item_id text collate "C" not null,
    source text collate "C" not null,
    reason text collate "C" not null
) partition by list (load);
create table if not exists {schema}.similar_items (
    load integer not null,
    rank integer not null,
    score real not null,
    item_id text collate "C" not null,
    similar_item_id text collate "C" not null
) partition by list (load);
create table if not exists {schema}.popular_items (
    load integer not null,
    rank integer not null,
    score real not null,
    segment text collate "C" not null,
    item_id text collate "C" not null
) partition by list (load);
create table if not exists {schema}.search_results (
    load integer not null,
    rank integer not null,
    score real not null,
    query text collate "C" not null,
    item_id text collate "C" not null
) partition by list (load);
create table if not exists {schema}.user_profiles (
    load integer not null,
    events integer not null,
    last_event_time timestamptz,
    user_id text collate "C" not null,
    segment text collate "C" not null,
    top_categories text[] not null
) partition by list (load);
create table if not exists {schema}.recommendation_outcomes (
    load integer not null,
    days integer not null,
    users integer not null,
    shown integer not null,
    hits integer not null,
    hit_rate real not null,
    precision real not null,
    ndcg real not null,
    ndcg_low real not null,
    ndcg_high real not null,
    recall real not null,
    impressions integer not null,
    clicks integer not null,
    was_active boolean not null,
    judged_run_id text collate "C" not null,
    surface text collate "C" not null,
    source text collate "C" not null,
    bucket_kind text collate "C" not null,
    bucket text collate "C" not null
) partition by list (load);
-- The pointer is read by a subquery: the executor looks it up once and then opens one partition.
create or replace view {schema}.current_recommendations as
select
    (select run_id from {schema}.active_run) as run_id,
    r.surface, r.user_id, r.rank, r.item_id, r.score, r.source, r.reason
from {schema}.recommendations as r
where r.load = (select load from {schema}.active_run);
create or replace view {schema}.current_similar_items as
select
    (select run_id from {schema}.active_run) as run_id,
    r.item_id, r.rank, r.similar_item_id, r.score
from {schema}.similar_items as r
where r.load = (select load from {schema}.active_run);
create or replace view {schema}.current_popular_items as
select
    (select run_id from {schema}.active_run) as run_id,
    r.segment, r.rank, r.item_id, r.score
from {schema}.popular_items as r
where r.load = (select load from {schema}.active_run);
create or replace view {schema}.current_search_results as
select
    (select run_id from {schema}.active_run) as run_id,
    r.query, r.rank, r.item_id, r.score
from {schema}.search_results as r
where r.load = (select load from {schema}.active_run);
create or replace view {schema}.current_user_profiles as
select
    (select run_id from {schema}.active_run) as run_id,
    r.user_id, r.segment, r.top_categories, r.events, r.last_event_time
from {schema}.user_profiles as r
where r.load = (select load from {schema}.active_run);
create or replace view {schema}.current_recommendation_outcomes as
select
    (select run_id from {schema}.active_run) as run_id,
    r.judged_run_id, r.was_active, r.days, r.surface, r.source, r.bucket_kind, r.bucket, r.users, r.shown, r.hits,
    r.hit_rate, r.precision, r.ndcg, r.ndcg_low, r.ndcg_high, r.recall, r.impressions, r.clicks
from {schema}.recommendation_outcomes as r
where r.load = (select load from {schema}.active_run);
create or replace view {schema}.current_runs as
select run_id, run_date, published_at, code_version, config_hash, metrics
from {schema}.runs
where run_id = (select run_id from {schema}.active_run);
