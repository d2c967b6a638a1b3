-- One row per table whose rows are not all of the one run that is published.
with stamped as (
    select 'recommendations' as name, run_id from recommendations
    union
    select 'similar_items', run_id from similar_items
    union
    select 'popular_items', run_id from popular_items
    union
    select 'user_profiles', run_id from user_profiles
    union
    select 'search_results', run_id from search_results
    union
    select 'recommendation_outcomes', run_id from recommendation_outcomes
)
select name || ' has rows of run ' || run_id
from stamped anti join runs using (run_id)
union all
select 'runs has ' || count(*) || ' rows, not one'
from runs
having count(*) <> 1
order by all
