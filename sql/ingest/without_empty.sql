-- unreadable: a line's place among its file's rows, of which the empty lines ($places of $paths, in order) are none
update unreadable
set line = unreadable.line - before.number
from (
    with empty as (
        select _file, place, row_number() over (partition by _file order by place) as number
        from (select unnest($paths::varchar[]) as _file, unnest($places::bigint[]) as place)
    )
    select unreadable._file, unreadable.line, empty.number
    from unreadable
    asof join empty on unreadable._file = empty._file and unreadable.line > empty.place
) as before
where unreadable._file = before._file and unreadable.line = before.line
