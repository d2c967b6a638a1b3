-- One row per published table: its rows, and the different things they are about.
select 'recommendations' as name, count(*) as rows, count(distinct user_id) as things, 'users' as what
from current_recommendations
union all
select 'similar_items', count(*), count(distinct item_id), 'items' from current_similar_items
union all
select 'popular_items', count(*), count(distinct segment), 'segments' from current_popular_items
union all
select 'search_results', count(*), count(distinct query), 'queries' from current_search_results having count(*) > 0
union all
select 'user_profiles', count(*), count(distinct user_id), 'users' from current_user_profiles
