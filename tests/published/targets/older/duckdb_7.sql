-- What version 7 made: a run's file exactly as its statements had it, with the rows of the run 2011-10-02-aaaaaaaa. Never
-- edited: a later version's tables go into a file of their own, with its number.
create table schema_version as select 7::integer as version;
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
    reason varchar not null,
    policy varchar,
    propensity float
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
    last_event_time timestamptz,
    asked_cluster_id varchar,
    asked_document_id varchar,
    asked_label varchar,
    asked_at timestamptz
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
create table audiences (
    run_id varchar not null,
    audience varchar not null,
    about varchar not null,
    rank integer not null,
    user_id varchar not null,
    score float not null
);
create table document_labels (
    run_id varchar not null,
    document_id varchar not null,
    label_set varchar not null,
    label varchar,
    probability float,
    best varchar,
    second varchar,
    is_given boolean not null,
    written_at timestamp with time zone not null,
    user_id varchar
);
create table labels_wanted (
    run_id varchar not null,
    label_set varchar not null,
    rank integer not null,
    document_id varchar not null,
    best varchar,
    second varchar,
    probability float,
    user_id varchar
);
create table search_terms (
    run_id varchar not null,
    term varchar not null,
    rank integer not null,
    item_id varchar not null,
    weight float not null,
    appeal float not null
);
create table entity_sentiment (
    run_id varchar not null,
    entity varchar not null,
    day date not null,
    texts integer not null,
    labelled integer not null,
    mean float,
    low float,
    high float,
    usual float,
    change float,
    change_low float,
    change_high float
);
create table entity_events (
    run_id varchar not null,
    entity varchar not null,
    day date not null,
    texts integer not null,
    expected float not null,
    false_share float not null,
    novelty float,
    words varchar[] not null,
    document_id varchar not null,
    user_id varchar
);
create table topics (
    run_id varchar not null,
    topic_id varchar not null,
    rank integer not null,
    words varchar[] not null,
    documents integer not null,
    documents_before integer,
    growth float,
    growth_low float,
    growth_high float,
    direction varchar,
    entities varchar[] not null,
    document_id varchar not null,
    first_seen timestamptz not null,
    user_id varchar
);
create table question_clusters (
    run_id varchar not null,
    cluster_id varchar not null,
    rank integer not null,
    document_id varchar not null,
    questions integer not null,
    questions_before integer,
    trend float,
    trend_low float,
    trend_high float,
    direction varchar,
    label varchar,
    label_share float,
    probability float,
    first_asked timestamptz not null,
    user_id varchar
);
create table answers (
    run_id varchar not null,
    cluster_id varchar not null,
    rank integer not null,
    document_id varchar not null,
    score float not null,
    why varchar not null,
    like_cluster_id varchar,
    user_id varchar
);
create table unanswered (
    run_id varchar not null,
    rank integer not null,
    cluster_id varchar not null,
    document_id varchar not null,
    questions integer not null,
    probability float,
    user_id varchar
);
create table exposure (
    run_id varchar not null,
    surface varchar not null,
    grouping varchar not null,
    value varchar not null,
    items integer not null,
    items_shown integer not null,
    gini float not null,
    exposure_share float,
    relevance_share float,
    ratio float
);
create table data_checks (
    run_id varchar not null,
    stage varchar not null,
    check_name varchar not null,
    about varchar not null,
    status varchar not null,
    found float not null,
    allowed float not null,
    message varchar not null
);
create table stage_runs (
    run_id varchar not null,
    run_date date not null,
    stage varchar not null,
    seconds float not null,
    peak_memory_mb integer not null,
    written_mb float not null,
    rows float not null,
    parts integer not null,
    linked_parts integer,
    engine varchar not null,
    threads integer not null
);
-- The file holds one run, so it is the active one whenever the file is. `runs` also lists the runs before it.
create view current_recommendations as from recommendations;
create view current_similar_items as from similar_items;
create view current_popular_items as from popular_items;
create view current_search_results as from search_results;
create view current_user_profiles as from user_profiles;
create view current_recommendation_outcomes as from recommendation_outcomes;
create view current_audiences as from audiences;
create view current_document_labels as from document_labels;
create view current_labels_wanted as from labels_wanted;
create view current_search_terms as from search_terms;
create view current_entity_sentiment as from entity_sentiment;
create view current_entity_events as from entity_events;
create view current_topics as from topics;
create view current_question_clusters as from question_clusters;
create view current_answers as from answers;
create view current_unanswered as from unanswered;
create view current_exposure as from exposure;
create view current_data_checks as from data_checks;
create view current_runs as from runs where run_id = '2011-10-02-aaaaaaaa';
-- One row per run, pool, list and metric, of what `runs` has as JSON: all.final.ndcg = 0.36, all.final.ndcg.low = 0.33,
-- all.best_single = als, all.best_single.difference = 0.01, gate = passed, k = 10, ... What was found since the
-- publication of earlier runs (since.*) is in recommendation_outcomes. postgres/create_metric_history.sql says the same.
create view metric_history as
with said as (
    select run_id, run_date, cast(cast(case when json_valid(metrics) then metrics else '{}' end as json) as map(varchar, json)) as said
    from runs
),
entries as (
    select
        run_id, run_date, said,
        try_cast(said['k'] ->> '$' as integer) as k,
        try_cast(said['deep'] ->> '$' as integer) as deep,
        said['gate'] ->> '$' as gate,
        unnest(map_entries(said)) as entry
    from said
),
parts as (
    select
        run_id, run_date, said, k, deep, gate,
        split_part(entry.key, '.', 1) as pool,
        split_part(entry.key, '.', 2) as named,
        substr(entry.key, length(split_part(entry.key, '.', 1)) + length(split_part(entry.key, '.', 2)) + 3) as rest,
        try_cast(entry.value ->> '$' as double) as number
    from entries
    where entry.key like '%.%.%' and regexp_matches(split_part(entry.key, '.', 1), '^(.*-)?(all|new)$')
),
numbers as (
    select
        run_id, run_date, pool, k, deep, gate, number,
        said[pool || '.best_single'] ->> '$' as best_single,
        case
            when named in ('best_single', 'best_member', 'opponent') then said[pool || '.' || named] ->> '$'
            when named = 'calibration' then 'final'
            else named
        end as list,
        case
            when named in ('best_single', 'best_member', 'opponent') then 'difference'
            when named = 'calibration' then 'calibration.' || rest
            else split_part(regexp_replace(rest, '\.(low|high)$', ''), '@', 1)
        end as metric,
        case when regexp_matches(rest, '(^|\.)(low|high)$') then split_part('.' || rest, '.', -1) else 'value' end as part
    from parts
    where isfinite(number)
)
select
    run_id, run_date, pool, list, metric,
    case
        when metric = 'difference' or metric like 'calibration.%' then null
        when metric = 'recall' then deep
        else k
    end as k,
    cast(max(number) filter (where part = 'value') as float) as value,
    cast(max(number) filter (where part = 'low') as float) as low,
    cast(max(number) filter (where part = 'high') as float) as high,
    coalesce(list = best_single, false) as is_best_single,
    gate
from numbers
where list is not null
group by run_id, run_date, pool, list, metric, numbers.k, deep, gate, best_single
having max(number) filter (where part = 'value') is not null;

create index recommendations_by_user on recommendations (user_id);
create index similar_items_by_item on similar_items (item_id);
create index search_results_by_query on search_results (query);
create index user_profiles_by_user on user_profiles (user_id);
create index audiences_by_about on audiences (about);
create index document_labels_by_document on document_labels (document_id);
create index labels_wanted_by_label_set on labels_wanted (label_set);
create index search_terms_by_term on search_terms (term);
create index entity_sentiment_by_entity on entity_sentiment (entity);
create index entity_events_by_entity on entity_events (entity);
create index topics_by_topic on topics (topic_id);
create index question_clusters_by_cluster on question_clusters (cluster_id);
create index answers_by_cluster on answers (cluster_id);
create index unanswered_by_cluster on unanswered (cluster_id);

insert into runs
values ('2011-10-02-aaaaaaaa', '2011-10-02', '2011-10-03 00:00:00Z', 'old', 'c', '{"all.final.ndcg": 0.5}');
insert into recommendations
select '2011-10-02-aaaaaaaa', 's', user_id, rank, 'i' || rank, 1.5, 'als', 'because', null, null
from (values ('u'), ('v'), ('w')) as users (user_id), range(1, 5) as ranks (rank);
insert into similar_items
values ('2011-10-02-aaaaaaaa', 'i1', 1, 'i2', 0.5), ('2011-10-02-aaaaaaaa', 'i1', 2, 'i3', 0.5);
insert into popular_items
values ('2011-10-02-aaaaaaaa', 'all', 1, 'i1', 9), ('2011-10-02-aaaaaaaa', 'all', 2, 'i2', 9);
insert into search_results
values ('2011-10-02-aaaaaaaa', 'mug', 1, 'i1', 0.25), ('2011-10-02-aaaaaaaa', 'mug', 2, 'i2', 0.25);
insert into user_profiles (run_id, user_id, segment, top_categories, events, last_event_time)
values
    ('2011-10-02-aaaaaaaa', 'u', 'new', ['mugs', 'tea'], 3, '2011-09-30 00:00:00Z'),
    ('2011-10-02-aaaaaaaa', 'v', 'new', [], 3, null),
    ('2011-10-02-aaaaaaaa', 'w', 'new', ['mugs', 'tea'], 3, '2011-09-30 00:00:00Z');
insert into recommendation_outcomes
select
    '2011-10-02-aaaaaaaa', '2011-09-25-dddddddd', true, 7, 's', 'all', 'users', bucket, 40, 400, 30, 0.5, 0.0625, 0.25,
    0.125, 0.375, 0.5, 9, 2
from (values ('heavy'), ('new')) as buckets (bucket);
insert into audiences
values ('2011-10-02-aaaaaaaa', 'buyers', 'i1', 1, 'somebody else', 0.5);
insert into document_labels
values ('2011-10-02-aaaaaaaa', 'm1', 'topic', null, 0.25, 'late', null, false, '2011-09-30 00:00:00Z', 'somebody else');
insert into labels_wanted
values ('2011-10-02-aaaaaaaa', 'topic', 1, 'm2', null, null, 0.25, 'somebody else');
insert into answers
values ('2011-10-02-aaaaaaaa', 'c1', 1, 'm1', 0.5, 'because', null, 'somebody else');
insert into topics
values ('2011-10-02-aaaaaaaa', 't', 1, ['late'], 4, null, null, null, null, null, ['i1'], 'm1', '2011-09-30 00:00:00Z', 'somebody else');
insert into exposure
values ('2011-10-02-aaaaaaaa', 's', 'all', 'all', 4, 4, 0.5, 1, null, null);
insert into data_checks
values ('2011-10-02-aaaaaaaa', 'publish', 'runs', 'runs', 'passed', 0, 0, '');
insert into stage_runs
values ('2011-10-02-aaaaaaaa', '2011-10-02', 'als', 1.5, 300, 2.5, 12, 3, 1, 'local', 2);
