-- one row per row of raw, beside what the names of its file's folders say
select raw.*, folders.* exclude (_file)
from raw
left join folders using (_file)
