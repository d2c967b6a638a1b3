-- One row per fault of exposure: shares that do not sum to 1, a group that shows more than it has, or twice.
select surface || ': the shares of ' || grouping || ' sum to ' || round(sum(exposure_share), 4)
from exposure
group by surface, grouping
having abs(sum(exposure_share) - 1) > 0.001
union all
select surface || ': what was wanted of ' || grouping || ' sums to ' || round(sum(relevance_share), 4)
from exposure
group by surface, grouping
having abs(sum(relevance_share) - 1) > 0.001
union all
select surface || ': ' || grouping || ' "' || value || '" shows ' || items_shown || ' of its ' || items || ' items'
from exposure
where items_shown > items or (items < 1 and grouping <> 'all') -- a surface may have nothing to show tonight
union all
select surface || ': ' || grouping || ' "' || value || '" is there ' || count(*) || ' times'
from exposure
group by surface, grouping, value
having count(*) > 1
order by all
