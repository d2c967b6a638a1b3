-- One row per limit of `fairness.limits` that a surface breaks: how unequal its items' exposure is, how little a group is
-- shown against what it is wanted, or how much better it is for one group of users than for another.
select surface || ': the Gini coefficient of exposure is ' || round(gini, 3) || ', above max_gini = ' || max_gini
from exposure, fairness_limits
where grouping = 'all' and gini > max_gini
union all
select
    surface || ': ' || grouping || ' "' || value || '" has ' || round(ratio, 3) || ' times the exposure that it is wanted '
    || 'for, under min_exposure_ratio = ' || min_exposure_ratio
from exposure, fairness_limits
where ratio < min_exposure_ratio and relevance_share >= min_relevance_share
union all
select
    surface || ': one group of users is ahead of another by ' || round(low, 3) || ' of NDCG at least, above max_group_gap = '
    || max_group_gap
from group_gaps, fairness_limits
where low > max_group_gap
order by all
