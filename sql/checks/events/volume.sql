-- One row per night with far fewer events than its weekday usually has, and than the quietest of them had; of a weekday
-- with a handful of events, chance decides.
select
    night,
    format(
        '{:,} events, {:.0f} % of the usual {:,} (median of the last {} {}s that had any; the quietest had {:,})',
        tonight.events, 100 * tonight.events / usual.events, usual.events::bigint, usual.nights, weekday, least
    ) as said
from tonight
join usual using (night)
where rows > 0
    and usual.events >= $min_events
    and tonight.events < $min_share * usual.events
    and tonight.events < $min_share_of_least * least
order by night
