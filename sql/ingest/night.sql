-- one row per row of a staged table that arrived in the range of nights, in the order of its partition: all rows are kept
select *
from query_table($staged)
where arrival between $first::date and $last::date
order by all
