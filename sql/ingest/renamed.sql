-- raw: rows read from a log file's copy are the log file's
update raw
set _file = copies.path
from (select unnest($copies::varchar[]) as copy, unnest($paths::varchar[]) as path) as copies
where raw._file = copies.copy
