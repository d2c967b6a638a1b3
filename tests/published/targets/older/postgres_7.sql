-- What version 7 made: the tables of a database exactly as its statements had them, and one published run. Never edited: a
-- later version's tables go into a file of their own, with its number.
create schema nightjar;
-- One row, after the first publication: which version of Nightjar's tables the schema has (pipeline/published/contract.py,
-- SCHEMA_VERSION). Without a row they are older than this table. Publishers lock it, see lock.sql.
create table if not exists nightjar.schema_version (
    only_row boolean primary key default true check (only_row),
    version integer not null,
    since timestamptz not null default now()
);
insert into nightjar.schema_version (version) values (7);
-- What one schema holds. `load` numbers the loads of runs: it is the partition of the rows, so the run's id is stored
-- once per run and not once per row, and loading a run again never touches the rows that readers see.
-- Text is compared byte by byte ("C"): the order of an index does not depend on the operating system's locale data.
create table if not exists nightjar.runs (
    run_id text collate "C" primary key,
    run_date date not null,
    published_at timestamptz not null,
    code_version text not null,
    config_hash text not null,
    metrics text not null
);
create sequence if not exists nightjar.load_numbers as integer;
-- One row per loaded run that is whole. `beside`: the virtual transactions that were reading the tables when the
-- run's partitions were attached (null: not known yet); until they end, the run cannot become active.
create table if not exists nightjar.loads (
    load integer primary key,
    run_id text collate "C" not null references nightjar.runs,
    beside text[]
);
-- One row: what readers see.
create table if not exists nightjar.active_run (
    only_row boolean primary key default true check (only_row),
    load integer not null references nightjar.loads,
    run_id text collate "C" not null references nightjar.runs
);
create table if not exists nightjar.activations (
    number integer generated always as identity primary key,
    run_id text collate "C" not null references nightjar.runs,
    previous text collate "C" references nightjar.runs,
    published boolean not null,
    activated_at timestamptz not null default now()
);
create table if not exists nightjar.recommendations (
    load integer not null,
    rank integer not null,
    score real not null,
    surface text collate "C" not null,
    user_id text collate "C" not null,
    item_id text collate "C" not null,
    source text collate "C" not null,
    reason text collate "C" not null,
    policy text collate "C",
    propensity real
) partition by list (load);
create table if not exists nightjar.similar_items (
    load integer not null,
    rank integer not null,
    score real not null,
    item_id text collate "C" not null,
    similar_item_id text collate "C" not null
) partition by list (load);
create table if not exists nightjar.popular_items (
    load integer not null,
    rank integer not null,
    score real not null,
    segment text collate "C" not null,
    item_id text collate "C" not null
) partition by list (load);
create table if not exists nightjar.search_results (
    load integer not null,
    rank integer not null,
    score real not null,
    query text collate "C" not null,
    item_id text collate "C" not null
) partition by list (load);
create table if not exists nightjar.user_profiles (
    load integer not null, events integer not null, last_event_time timestamptz, user_id text collate "C" not null,
    segment text collate "C" not null, top_categories text[] not null, asked_cluster_id text collate "C",
    asked_document_id text collate "C", asked_label text collate "C", asked_at timestamptz
) partition by list (load);
create table if not exists nightjar.recommendation_outcomes (
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
create table if not exists nightjar.audiences (
    load integer not null,
    rank integer not null,
    score real not null,
    audience text collate "C" not null,
    about text collate "C" not null,
    user_id text collate "C" not null
) partition by list (load);
create table if not exists nightjar.document_labels (
    load integer not null, probability real, written_at timestamptz not null, is_given boolean not null,
    document_id text collate "C" not null, label_set text collate "C" not null, label text collate "C",
    best text collate "C", second text collate "C", user_id text collate "C"
) partition by list (load);
create table if not exists nightjar.labels_wanted (
    load integer not null, rank integer not null, probability real, label_set text collate "C" not null,
    document_id text collate "C" not null, best text collate "C", second text collate "C", user_id text collate "C"
) partition by list (load);
create table if not exists nightjar.search_terms (
    load integer not null, rank integer not null, weight real not null, appeal real not null,
    term text collate "C" not null, item_id text collate "C" not null
) partition by list (load);
create table if not exists nightjar.entity_sentiment (
    load integer not null, day date not null, texts integer not null, labelled integer not null, mean real, low real,
    high real, usual real, change real, change_low real, change_high real, entity text collate "C" not null
) partition by list (load);
create table if not exists nightjar.entity_events (
    load integer not null, day date not null, texts integer not null, expected real not null,
    false_share real not null, novelty real, entity text collate "C" not null, words text[] not null,
    document_id text collate "C" not null, user_id text collate "C"
) partition by list (load);
create table if not exists nightjar.topics (
    load integer not null, rank integer not null, documents integer not null, documents_before integer, growth real,
    growth_low real, growth_high real, first_seen timestamptz not null, topic_id text collate "C" not null,
    words text[] not null, direction text collate "C", entities text[] not null,
    document_id text collate "C" not null, user_id text collate "C"
) partition by list (load);
create table if not exists nightjar.question_clusters (
    load integer not null, rank integer not null, questions integer not null, questions_before integer, trend real,
    trend_low real, trend_high real, label_share real, probability real, first_asked timestamptz not null,
    cluster_id text collate "C" not null, document_id text collate "C" not null, direction text collate "C",
    label text collate "C", user_id text collate "C"
) partition by list (load);
create table if not exists nightjar.answers (
    load integer not null, rank integer not null, score real not null, cluster_id text collate "C" not null,
    document_id text collate "C" not null, why text collate "C" not null, like_cluster_id text collate "C",
    user_id text collate "C"
) partition by list (load);
create table if not exists nightjar.unanswered (
    load integer not null, rank integer not null, questions integer not null, probability real,
    cluster_id text collate "C" not null, document_id text collate "C" not null, user_id text collate "C"
) partition by list (load);
create table if not exists nightjar.exposure (
    load integer not null, items integer not null, items_shown integer not null, gini real not null,
    exposure_share real, relevance_share real, ratio real, surface text collate "C" not null,
    grouping text collate "C" not null, value text collate "C" not null
) partition by list (load);
create table if not exists nightjar.data_checks (
    load integer not null, found real not null, allowed real not null, stage text collate "C" not null,
    check_name text collate "C" not null, about text collate "C" not null, status text collate "C" not null,
    message text collate "C" not null
) partition by list (load);
create table if not exists nightjar.stage_runs (
    run_id text collate "C" not null, run_date date not null, stage text collate "C" not null, seconds real not null,
    peak_memory_mb integer not null, written_mb real not null, rows real not null, parts integer not null,
    linked_parts integer, engine text not null, threads integer not null,
    primary key (run_id, stage)
);
-- The pointer is read by a subquery: the executor looks it up once and then opens one partition.
create or replace view nightjar.current_recommendations as
select
    (select run_id from nightjar.active_run) as run_id,
    r.surface, r.user_id, r.rank, r.item_id, r.score, r.source, r.reason, r.policy,
    r.propensity
from nightjar.recommendations as r
where r.load = (select load from nightjar.active_run);
create or replace view nightjar.current_similar_items as
select
    (select run_id from nightjar.active_run) as run_id,
    r.item_id, r.rank, r.similar_item_id, r.score
from nightjar.similar_items as r
where r.load = (select load from nightjar.active_run);
create or replace view nightjar.current_popular_items as
select
    (select run_id from nightjar.active_run) as run_id,
    r.segment, r.rank, r.item_id, r.score
from nightjar.popular_items as r
where r.load = (select load from nightjar.active_run);
create or replace view nightjar.current_search_results as
select
    (select run_id from nightjar.active_run) as run_id,
    r.query, r.rank, r.item_id, r.score
from nightjar.search_results as r
where r.load = (select load from nightjar.active_run);
create or replace view nightjar.current_user_profiles as
select
    (select run_id from nightjar.active_run) as run_id,
    r.user_id, r.segment, r.top_categories, r.events, r.last_event_time, r.asked_cluster_id, r.asked_document_id,
    r.asked_label, r.asked_at
from nightjar.user_profiles as r
where r.load = (select load from nightjar.active_run);
create or replace view nightjar.current_recommendation_outcomes as
select
    (select run_id from nightjar.active_run) as run_id,
    r.judged_run_id, r.was_active, r.days, r.surface, r.source, r.bucket_kind, r.bucket, r.users, r.shown, r.hits,
    r.hit_rate, r.precision, r.ndcg, r.ndcg_low, r.ndcg_high, r.recall, r.impressions, r.clicks
from nightjar.recommendation_outcomes as r
where r.load = (select load from nightjar.active_run);
create or replace view nightjar.current_audiences as
select
    (select run_id from nightjar.active_run) as run_id,
    r.audience, r.about, r.rank, r.user_id, r.score
from nightjar.audiences as r
where r.load = (select load from nightjar.active_run);
create or replace view nightjar.current_document_labels as
select
    (select run_id from nightjar.active_run) as run_id,
    r.document_id, r.label_set, r.label, r.probability, r.best, r.second, r.is_given, r.written_at, r.user_id
from nightjar.document_labels as r
where r.load = (select load from nightjar.active_run);
create or replace view nightjar.current_labels_wanted as
select
    (select run_id from nightjar.active_run) as run_id,
    r.label_set, r.rank, r.document_id, r.best, r.second, r.probability, r.user_id
from nightjar.labels_wanted as r
where r.load = (select load from nightjar.active_run);
create or replace view nightjar.current_search_terms as
select
    (select run_id from nightjar.active_run) as run_id,
    r.term, r.rank, r.item_id, r.weight, r.appeal
from nightjar.search_terms as r
where r.load = (select load from nightjar.active_run);
create or replace view nightjar.current_entity_sentiment as
select
    (select run_id from nightjar.active_run) as run_id,
    r.entity, r.day, r.texts, r.labelled, r.mean, r.low, r.high, r.usual, r.change, r.change_low, r.change_high
from nightjar.entity_sentiment as r
where r.load = (select load from nightjar.active_run);
create or replace view nightjar.current_entity_events as
select
    (select run_id from nightjar.active_run) as run_id,
    r.entity, r.day, r.texts, r.expected, r.false_share, r.novelty, r.words, r.document_id, r.user_id
from nightjar.entity_events as r
where r.load = (select load from nightjar.active_run);
create or replace view nightjar.current_topics as
select
    (select run_id from nightjar.active_run) as run_id,
    r.topic_id, r.rank, r.words, r.documents, r.documents_before, r.growth, r.growth_low, r.growth_high, r.direction,
    r.entities, r.document_id, r.first_seen, r.user_id
from nightjar.topics as r
where r.load = (select load from nightjar.active_run);
create or replace view nightjar.current_question_clusters as
select
    (select run_id from nightjar.active_run) as run_id,
    r.cluster_id, r.rank, r.document_id, r.questions, r.questions_before, r.trend, r.trend_low, r.trend_high,
    r.direction, r.label, r.label_share, r.probability, r.first_asked, r.user_id
from nightjar.question_clusters as r
where r.load = (select load from nightjar.active_run);
create or replace view nightjar.current_answers as
select
    (select run_id from nightjar.active_run) as run_id,
    r.cluster_id, r.rank, r.document_id, r.score, r.why, r.like_cluster_id, r.user_id
from nightjar.answers as r
where r.load = (select load from nightjar.active_run);
create or replace view nightjar.current_unanswered as
select
    (select run_id from nightjar.active_run) as run_id,
    r.rank, r.cluster_id, r.document_id, r.questions, r.probability, r.user_id
from nightjar.unanswered as r
where r.load = (select load from nightjar.active_run);
create or replace view nightjar.current_exposure as
select
    (select run_id from nightjar.active_run) as run_id,
    r.surface, r.grouping, r.value, r.items, r.items_shown, r.gini, r.exposure_share, r.relevance_share, r.ratio
from nightjar.exposure as r
where r.load = (select load from nightjar.active_run);
create or replace view nightjar.current_data_checks as
select
    (select run_id from nightjar.active_run) as run_id,
    r.stage, r.check_name, r.about, r.status, r.found, r.allowed, r.message
from nightjar.data_checks as r
where r.load = (select load from nightjar.active_run);
create or replace view nightjar.current_runs as
select run_id, run_date, published_at, code_version, config_hash, metrics
from nightjar.runs
where run_id = (select run_id from nightjar.active_run);
create or replace view nightjar.metric_history as
with said as (
    select run_id, run_date, regexp_replace(metrics, ':\s*(NaN|-?Infinity)', ': null', 'g')::jsonb as said
    from nightjar.runs
),
parts as (
    select
        run_id, run_date, said,
        (said ->> 'k')::integer as k,
        (said ->> 'deep')::integer as deep,
        said ->> 'gate' as gate,
        split_part(entry.key, '.', 1) as pool,
        split_part(entry.key, '.', 2) as named,
        substr(entry.key, length(split_part(entry.key, '.', 1)) + length(split_part(entry.key, '.', 2)) + 3) as rest,
        case when jsonb_typeof(entry.value) = 'number' then (entry.value #>> '{}')::double precision end as number
    from said, jsonb_each(said) as entry
    where entry.key like '%.%.%' and split_part(entry.key, '.', 1) ~ '^(.*-)?(all|new)$'
),
numbers as (
    select
        run_id, run_date, pool, k, deep, gate, number,
        said ->> (pool || '.best_single') as best_single,
        case
            when named in ('best_single', 'best_member', 'opponent') then said ->> (pool || '.' || named)
            when named = 'calibration' then 'final'
            else named
        end as list,
        case
            when named in ('best_single', 'best_member', 'opponent') then 'difference'
            when named = 'calibration' then 'calibration.' || rest
            else split_part(regexp_replace(rest, '\.(low|high)$', ''), '@', 1)
        end as metric,
        coalesce(substring(rest from '(?:^|\.)(low|high)$'), 'value') as part
    from parts
    where number is not null
)
select
    run_id, run_date, pool, list, metric,
    case
        when metric = 'difference' or metric like 'calibration.%' then null
        when metric = 'recall' then deep
        else k
    end as k,
    cast(max(number) filter (where part = 'value') as real) as value,
    cast(max(number) filter (where part = 'low') as real) as low,
    cast(max(number) filter (where part = 'high') as real) as high,
    coalesce(list = best_single, false) as is_best_single,
    gate
from numbers
where list is not null
group by run_id, run_date, pool, list, metric, numbers.k, deep, gate, best_single
having max(number) filter (where part = 'value') is not null;

-- The run 2011-10-02-aaaaaaaa: four recommendations of three users, one profile each, two rows of everything else.
insert into nightjar.runs
values ('2011-10-02-aaaaaaaa', '2011-10-02', '2011-10-03 00:00Z', 'old', 'c', '{"all.final.ndcg": 0.5}');
select nextval('nightjar.load_numbers');
insert into nightjar.loads values (1, '2011-10-02-aaaaaaaa', '{}');

create table nightjar.recommendations_1 (like nightjar.recommendations, check (load = 1));
insert into nightjar.recommendations_1 (load, rank, score, surface, user_id, item_id, source, reason)
select 1, rank, 1.5, 's', user_id, 'i' || rank, 'als', 'because'
from generate_series(1, 4) as rank, unnest(array['u', 'v', 'w']) as user_id;
create unique index on nightjar.recommendations_1 (user_id, surface, rank);
alter table nightjar.recommendations attach partition nightjar.recommendations_1 for values in (1);

create table nightjar.similar_items_1 (like nightjar.similar_items, check (load = 1));
insert into nightjar.similar_items_1 (load, rank, score, item_id, similar_item_id)
values (1, 1, 0.5, 'i1', 'i2'), (1, 2, 0.5, 'i1', 'i3');
create unique index on nightjar.similar_items_1 (item_id, rank);
alter table nightjar.similar_items attach partition nightjar.similar_items_1 for values in (1);

create table nightjar.popular_items_1 (like nightjar.popular_items, check (load = 1));
insert into nightjar.popular_items_1 (load, rank, score, segment, item_id)
values (1, 1, 9, 'all', 'i1'), (1, 2, 9, 'all', 'i2');
create unique index on nightjar.popular_items_1 (segment, rank);
alter table nightjar.popular_items attach partition nightjar.popular_items_1 for values in (1);

create table nightjar.search_results_1 (like nightjar.search_results, check (load = 1));
insert into nightjar.search_results_1 (load, rank, score, query, item_id)
values (1, 1, 0.25, 'mug', 'i1'), (1, 2, 0.25, 'mug', 'i2');
create unique index on nightjar.search_results_1 (query, rank);
alter table nightjar.search_results attach partition nightjar.search_results_1 for values in (1);

create table nightjar.user_profiles_1 (like nightjar.user_profiles, check (load = 1));
insert into nightjar.user_profiles_1 (load, events, last_event_time, user_id, segment, top_categories)
values
    (1, 3, '2011-09-30Z', 'u', 'new', '{mugs,tea}'),
    (1, 3, null, 'v', 'new', '{}'),
    (1, 3, '2011-09-30Z', 'w', 'new', '{mugs,tea}');
create unique index on nightjar.user_profiles_1 (user_id);
alter table nightjar.user_profiles attach partition nightjar.user_profiles_1 for values in (1);

create table nightjar.recommendation_outcomes_1 (like nightjar.recommendation_outcomes, check (load = 1));
insert into nightjar.recommendation_outcomes_1 (
    load, days, users, shown, hits, hit_rate, precision, ndcg, ndcg_low, ndcg_high, recall, impressions, clicks,
    was_active, judged_run_id, surface, source, bucket_kind, bucket
)
select
    1, 7, 40, 400, 30, 0.5, 0.0625, 0.25, 0.125, 0.375, 0.5, 9, 2, true, '2011-09-25-dddddddd', 's', 'all', 'users', bucket
from unnest(array['heavy', 'new']) as bucket;
create unique index on nightjar.recommendation_outcomes_1 (judged_run_id, surface, source, bucket_kind, bucket);
alter table nightjar.recommendation_outcomes attach partition nightjar.recommendation_outcomes_1 for values in (1);

create table nightjar.audiences_1 (like nightjar.audiences, check (load = 1));
insert into nightjar.audiences_1 (load, rank, score, audience, about, user_id)
values (1, 1, 0.5, 'buyers', 'i1', 'somebody else');
create unique index on nightjar.audiences_1 (about, audience, rank);
alter table nightjar.audiences attach partition nightjar.audiences_1 for values in (1);

create table nightjar.document_labels_1 (like nightjar.document_labels, check (load = 1));
insert into nightjar.document_labels_1 (load, probability, written_at, is_given, document_id, label_set, best, user_id)
values (1, 0.25, '2011-09-30 00:00:00Z', false, 'm1', 'topic', 'late', 'somebody else');
create unique index on nightjar.document_labels_1 (document_id, label_set);
alter table nightjar.document_labels attach partition nightjar.document_labels_1 for values in (1);

create table nightjar.labels_wanted_1 (like nightjar.labels_wanted, check (load = 1));
insert into nightjar.labels_wanted_1 (load, rank, probability, label_set, document_id, user_id)
values (1, 1, 0.25, 'topic', 'm2', 'somebody else');
create unique index on nightjar.labels_wanted_1 (label_set, rank);
alter table nightjar.labels_wanted attach partition nightjar.labels_wanted_1 for values in (1);

create table nightjar.data_checks_1 (like nightjar.data_checks, check (load = 1));
insert into nightjar.data_checks_1 (load, found, allowed, stage, check_name, about, status, message)
values (1, 0, 0, 'publish', 'runs', 'runs', 'passed', '');
create unique index on nightjar.data_checks_1 (check_name, stage);
alter table nightjar.data_checks attach partition nightjar.data_checks_1 for values in (1);

insert into nightjar.stage_runs
values ('2011-10-02-aaaaaaaa', '2011-10-02', 'als', 1.5, 300, 2.5, 12, 3, 1, 'local', 2);

insert into nightjar.active_run (load, run_id) values (1, '2011-10-02-aaaaaaaa');
insert into nightjar.activations (run_id, previous, published) values ('2011-10-02-aaaaaaaa', null, true);

create table nightjar.answers_1 (like nightjar.answers, check (load = 1));
insert into nightjar.answers_1 (load, rank, score, cluster_id, document_id, why, user_id)
values (1, 1, 0.5, 'c1', 'm1', 'because', 'somebody else');
create unique index on nightjar.answers_1 (cluster_id, rank);
alter table nightjar.answers attach partition nightjar.answers_1 for values in (1);

create table nightjar.topics_1 (like nightjar.topics, check (load = 1));
insert into nightjar.topics_1 (load, rank, documents, first_seen, topic_id, words, entities, document_id, user_id)
values (1, 1, 4, '2011-09-30 00:00:00Z', 't', '{late}', '{i1}', 'm1', 'somebody else');
create unique index on nightjar.topics_1 (topic_id);
alter table nightjar.topics attach partition nightjar.topics_1 for values in (1);

create table nightjar.exposure_1 (like nightjar.exposure, check (load = 1));
insert into nightjar.exposure_1 (load, surface, grouping, value, items, items_shown, gini, exposure_share)
values (1, 's', 'all', 'all', 4, 4, 0.5, 1);
create unique index on nightjar.exposure_1 (surface, grouping, value);
alter table nightjar.exposure attach partition nightjar.exposure_1 for values in (1);
