-- one row per reason for which rows are refused, the most frequent first: how many, and the first of them with their places
with refused as (
    select reason, file, row, raw, row_number() over (partition by reason order by file, row) as place
    from staged_rejects
)
select
    reason, count(*) as rows,
    list({'file': file, 'row': row, 'raw': raw} order by place) filter (place <= $shown) as examples
from refused
group by reason
order by rows desc, reason
