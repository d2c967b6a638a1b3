-- One row per night with more rows than usual from the future or of another day than their file's, or more late events.
select
    night,
    format('{:,} of {:,} log rows are from after the day they arrived, or of another day than their file', tonight.skewed, rows) as said
from tonight
left join usual using (night)
where rows >= $min_rows and tonight.skewed / rows > coalesce(usual.skewed, 0) + $max_skewed
union all
select
    night,
    format(
        '{:.0f} % of the events arrived later than their day, at most {:.0f} % on the usual nights',
        100 * tonight.late / tonight.events, 100 * usual.late
    )
from tonight
join usual using (night)
where tonight.events >= $min_rows and tonight.late / tonight.events > usual.late + $late_jump
order by all
