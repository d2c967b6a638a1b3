-- one row per night and exclusion, with its last day: the latest that the night said, none where it said one without
select arrival, user_id, item_id, case when count(valid_until) = count(*) then max(valid_until) end as valid_until
from typed_exclusions
where fault is null
group by arrival, user_id, item_id
order by arrival, user_id, item_id
