-- one row per refused log row, in the order of its partition
with final as (
    select arrival, file, row, reason, raw
    from staged_rejects
    where arrival between $first::date and $last::date
)
select *
from final
order by arrival, file, row, reason
