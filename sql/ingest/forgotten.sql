-- table forgotten: one row per id of somebody who asked to be forgotten and is named in plain: there, the first of the
-- columns $person that is not null names the person. The hash is HMAC-SHA256, see pipeline/privacy/pseudonyms.py.
create or replace table forgotten as
with named as (select distinct coalesce(*columns($person::varchar[])) as id from plain)
select id
from named
where list_contains(
    $hashes::varchar[],
    sha256($forgotten_outer::blob || unhex(sha256($forgotten_inner::blob || encode(id))))
)
