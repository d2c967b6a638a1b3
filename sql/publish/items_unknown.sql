-- One item of which nothing is known, with the columns of pipeline.ground.schemas.ITEMS and the day: what a predicate is tried on when the
-- configuration is read. Without a row DuckDB would not look at the predicate's constants.
create table items as
select
    null::integer as item_index,
    null::varchar as item_id,
    null::varchar as title,
    null::varchar as text,
    null::varchar as category,
    null::double as price,
    null::tinyint as price_band,
    null::varchar as currency,
    null::varchar as kind,
    null::varchar as parent_id,
    null::boolean as available,
    null::date as first_seen,
    null::date as valid_from,
    null::date as valid_until,
    null::date as valid_on
