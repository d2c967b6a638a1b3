-- one row: how many rows of items arrived on the nights from first to last, and how many before
select
    count(*) filter (arrival >= $first::date) as now,
    count(*) filter (arrival < $first::date) as before
from staged_items
where arrival <= $last::date
