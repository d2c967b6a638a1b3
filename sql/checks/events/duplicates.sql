-- One row per night with far more repeated rows than usual, or more than the absolute limit.
select
    night,
    format('{:,} of {:,} log rows repeat an earlier event', tonight.duplicates, rows)
    || coalesce(format(', at most {:.1f} % on the usual nights', 100 * usual.duplicates), '') as said
from tonight
left join usual using (night)
where rows >= $min_rows
    and tonight.duplicates / rows > least($max_duplicates, coalesce(usual.duplicates + $duplicate_jump, $max_duplicates))
order by night
