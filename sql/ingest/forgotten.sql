-- table forgotten: one row per id of somebody who asked to be forgotten and is named in plain: there, the first of the
-- columns $person that is not null names the person. The hash is HMAC-SHA256, see pipeline/privacy/pseudonyms.py. Who
-- asked when the logs had 7.0 where they now have 7 is the same person.
create or replace table forgotten as
with named as (select distinct coalesce(*columns($person::varchar[])) as id from plain),
spelled as (
    select id, id as spelling from named
    union all
    select id, id || '.0' from named where regexp_full_match(id, '-?(0|[1-9][0-9]*)')
)
select distinct id
from spelled
where list_contains(
    $hashes::varchar[],
    sha256($forgotten_outer::blob || unhex(sha256($forgotten_inner::blob || encode(spelling))))
)
