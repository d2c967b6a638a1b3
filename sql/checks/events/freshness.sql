-- One row per night whose last event is far earlier than usual, and than the earliest of the usual ones: its log was cut.
-- Judged only where the usual last event says something: after many events, and at the end of a day, not of a batch job.
select
    night,
    format(
        'the last event is of {} {}; on the last {} {}s it was of {} (median), at the earliest of {}',
        strftime(timestamp '1970-01-01' + to_seconds(tonight.last_event), '%H:%M'), $timezone, usual.nights, weekday,
        strftime(timestamp '1970-01-01' + to_seconds(usual.last_event), '%H:%M'),
        strftime(timestamp '1970-01-01' + to_seconds(usual.earliest), '%H:%M')
    ) as said
from tonight
join usual using (night)
where usual.events >= $min_rows
    and usual.last_event - usual.first_event >= 3600 * $min_day_hours
    and tonight.last_event < usual.last_event - $max_early * (usual.last_event - usual.first_event)
    and tonight.last_event < usual.earliest - $max_early_of_earliest * (usual.last_event - usual.first_event)
order by night
