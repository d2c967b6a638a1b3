-- one row per surface and user in an arm: what is known of all days so far, those before tonight and those that came with it
select
    surface, user_id, any_value(arm) as arm,
    sum(days)::bigint as days, sum(actions)::bigint as actions, sum(hits)::bigint as hits, sum(clicks)::bigint as clicks
from (select * from arms_before union all select * from arms_tonight)
group by surface, user_id
order by surface, user_id
