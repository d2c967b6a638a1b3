-- table late_lines: one row per line that cannot be read and arrives on a finished night (own) which did not decide on it
create or replace table late_lines as
select lines._file, lines.line, lines.arrival as own
from staged_lines as lines
join decided using (_file, arrival)
where lines.number > decided.lines
