-- table unreadable: one row per line of the JSON Lines files that is no object, with its place in its file ($rows: among
-- those that were read; lines left out as too long stand between them), beside those that are there already
insert into unreadable
with broken as (
    select
        unnest($paths::varchar[]) as _file,
        unnest($rows::bigint[]) as row,
        unnest($reasons::varchar[]) as reason,
        unnest($texts::varchar[]) as raw
),
skipped as (select _file, list(line order by line) as lines from unreadable group by _file)
select
    broken._file,
    broken.row + len(list_filter(coalesce(skipped.lines, []), lambda n, i: n - i < broken.row)) as line,
    broken.reason,
    broken.raw
from broken
left join skipped using (_file)
