-- table event_types: one row per event type of the configuration
create or replace table event_types as
select
    unnest($names::varchar[]) as event_type,
    unnest($weights::double[]) as weight,
    unnest($labels::boolean[]) as is_label,
    unnest($neutral::double[]) as neutral, -- the value that speaks neither for nor against; null: values say nothing
    unnest($hides::integer[]) as hides, -- for how many days it takes the item off the user's lists; null: as it weighs
    $ever::integer as ever -- so many days that it is for ever
