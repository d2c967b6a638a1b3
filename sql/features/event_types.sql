-- table event_types: one row per event type of the configuration
create or replace table event_types as
select
    unnest($names::varchar[]) as event_type,
    unnest($weights::double[]) as weight,
    unnest($labels::boolean[]) as is_label
