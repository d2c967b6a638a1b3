-- one row per night that has displaced events or moved refused rows, oldest first: how many events, and how many are other
-- events under the same id
with given as (
    select night, 1 as events, (reason = 'its event_id is another event''s')::integer as others from displaced
    union all
    select night, 0, 0 from moved_rejects
)
select night, sum(events)::bigint as events, coalesce(sum(others), 0)::bigint as others
from given
group by night
order by night
