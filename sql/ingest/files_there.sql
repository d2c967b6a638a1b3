-- one row per file of the behaviour log that is read: its path, its name, how many bytes it has, and what hashes them
select files._file, files.name, sizes.bytes, sizes.hash
from event_files as files
join log_sizes as sizes using (name)
order by files.name
