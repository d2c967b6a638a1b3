-- One row per published table of one run: its rows, and the different things they are about.
with wanted as materialized (
    select max(load) as load from {schema}.loads where run_id = %(run_id)s
)
select 'recommendations' as name, count(*) as rows, count(distinct user_id) as things, 'users' as what
from {schema}.recommendations where load = (select load from wanted)
union all
select 'similar_items', count(*), count(distinct item_id), 'items'
from {schema}.similar_items where load = (select load from wanted)
union all
select 'popular_items', count(*), count(distinct segment), 'segments'
from {schema}.popular_items where load = (select load from wanted)
union all
select 'search_results', count(*), count(distinct query), 'queries'
from {schema}.search_results where load = (select load from wanted)
having count(*) > 0
union all
select 'user_profiles', count(*), count(distinct user_id), 'users'
from {schema}.user_profiles where load = (select load from wanted)
