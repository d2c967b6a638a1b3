-- table forgotten_things: one row per thing in plain's column $thing that was somebody's who asked to be forgotten, and that a
-- row has without naming anybody. The hash is HMAC-SHA256, as in forgotten.sql; what the logs have as 7.0 is 7 as well.
create or replace table forgotten_things as
with rows_about as (
    select coalesce(*columns($person::varchar[])) as person, coalesce(*columns([$thing::varchar])) as id from plain
),
named as (select distinct id from rows_about where person is null),
spelled as (
    select id, id as spelling from named
    union all
    select id, id || '.0' from named where regexp_full_match(id, '-?(0|[1-9][0-9]*)')
    union all
    select id, left(id, -2) from named where regexp_full_match(id, '-?(0|[1-9][0-9]*)\.0')
)
select distinct id
from spelled
where list_contains(
    $hashes::varchar[],
    sha256($forgotten_outer::blob || unhex(sha256($forgotten_inner::blob || encode(spelling))))
)
