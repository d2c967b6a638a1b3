-- table late_lines: one row per line that cannot be read and arrives on a finished night (own) which did not decide on it: but
-- for as many as were pushed behind what was read then
create or replace table late_lines as
with behind as (
    select
        lines._file, lines.line, lines.arrival as own, decided.is_alike,
        row_number() over (partition by lines._file order by lines.number) as place
    from staged_lines as lines
    join decided using (_file, arrival)
    where lines.number > decided.lines
)
select behind._file, behind.line, behind.own
from behind
left join in_front using (_file)
where not behind.is_alike or behind.place > coalesce(in_front.lines, 0)
