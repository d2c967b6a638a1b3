-- One row per row of `rows`: its number, what it is about and all that it says as JSON.
select
    number,
    to_json(about) as about,
    to_json(entry) as entries
from rows
order by number
