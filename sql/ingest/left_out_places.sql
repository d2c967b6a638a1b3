-- one row per row of the log that the mapping leaves out on a night of the range, the first $shown of them: its file and its
-- place there
with files as (from event_files),
lines as (select _file, list(line order by line) as lines from staged_lines group by _file),
firsts as (
    select files.name, left_out._file, left_out._row, files.first_row
    from staged_left_out as left_out
    join files using (_file)
    where arrival between $first::date and $last::date
    order by files.name, left_out._row
    limit $shown
)
select firsts.name, place_in_file(firsts._row - firsts.first_row + 1, lines.lines) as row
from firsts
left join lines using (_file)
order by name, row
