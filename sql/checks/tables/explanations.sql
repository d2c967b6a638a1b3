-- One row per place whose shares do not add up to its score's log-odds, or are of another item, or are missing.
with shares as (
    select
        surface, user_id, rank, sum(adds::double) as total, min(item_id) as item_id,
        count(distinct item_id) > 1 or count(distinct driver) <> count(*) or not bool_and(isfinite(adds)) as is_torn
    from explanations
    group by surface, user_id, rank
),
places as (
    select surface, user_id, rank, item_id, greatest(least(score::double, 1 - 1e-9), 1e-9) as chance
    from recommendations
    where rank <= (select ranks from explained)
)
select
    coalesce(places.surface, shares.surface) || ': user ' || coalesce(places.user_id, shares.user_id) || ' at rank '
    || coalesce(places.rank, shares.rank) || case
        when places.rank is null then ' is explained and not shown'
        when shares.rank is null then ' is not explained'
        when is_torn or places.item_id <> shares.item_id then ' is explained as several items, or twice'
        else ' has shares that add up to ' || round(total, 4) || ', its score to ' || round(ln(chance / (1 - chance)), 4)
    end
from places
full join shares using (surface, user_id, rank)
where places.rank is null or shares.rank is null or is_torn or places.item_id <> shares.item_id
    or abs(total - ln(chance / (1 - chance))) > 1e-4
order by all
