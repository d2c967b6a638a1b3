-- one row per night that has displaced events, or moved rows that were refused or left out, oldest first: how many events, and how many are other
-- events under the same id
with given as (
    select night, 1 as events, (reason = 'its event_id is another event''s')::integer as others from displaced
    union all
    select night, 0, 0 from moved_rejects
    union all
    select held.night, 0, 0
    from held
    semi join written_lines as written
        on held.file = written.file and held.own = written.own and held.night > written.arrival
    where held.left_out > 0
)
select night, sum(events)::bigint as events, coalesce(sum(others), 0)::bigint as others
from given
group by night
order by night
