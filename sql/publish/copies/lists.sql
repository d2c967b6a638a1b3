-- One row per list, in the order of `rows`: its number, what it is about and its entries as JSON, the best entry first.
select
    number,
    any_value(to_json(about)) as about,
    to_json(list(entry order by rank, place)) as entries
from rows
group by number
order by number
