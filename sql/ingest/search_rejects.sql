-- one row per row of the searches' files that is refused, with its place in its file
with typed as (from typed_searches),
starts as (from raw_files),
files as (from log_files),
skipped as (select _file, list(line order by line) as lines from unreadable group by _file)
select
    typed.night as arrival, files.name as file, place_in_file(typed._row - starts.first_row + 1, skipped.lines) as row, typed.reason
from typed
join files using (_file)
left join starts using (_file)
left join skipped using (_file)
where typed.reason is not null
order by all
