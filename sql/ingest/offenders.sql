-- one row per refused log row: the first three of each reason, most frequent reasons first
with refused as (
    select
        file, row, reason, raw,
        row_number() over (partition by reason order by file, row) as place,
        count(*) over (partition by reason) as frequency
    from staged_rejects
    where arrival between $first::date and $last::date
)
select file, row, reason, coalesce(raw, '(not kept)') as raw
from refused
where place <= 3
order by frequency desc, reason, place
limit 9
