-- One row per night with more rows than usual of a type that features.event_types does not name.
select
    night,
    format('{:,} of {:,} log rows are of a type that is not in features.event_types', tonight.unknown_types, rows)
    || coalesce(format(', at most {:.1f} % on the usual nights', 100 * usual.unknown_types), '') as said
from tonight
left join usual using (night)
where rows >= $min_rows and tonight.unknown_types / rows > coalesce(usual.unknown_types, 0) + $max_unknown
order by night
