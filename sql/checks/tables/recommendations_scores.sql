-- One row per list with a score that is no probability or is higher than one ranked before it, or with an empty text.
with steps as (
    select *, lag(score) over (partition by surface, user_id order by rank) as before
    from recommendations
)
select surface || ': user ' || user_id || ' has score ' || coalesce(score::varchar, 'null') || ' at rank ' || rank
from steps
where score is null or not isfinite(score) or score < 0 or score > 1 or score > before
    or coalesce(source, '') = '' or coalesce(reason, '') = ''
order by all
