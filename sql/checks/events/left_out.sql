-- One row per night of which the mapping leaves out a far larger share of the log than usual.
select
    night,
    format(
        'the mapping leaves out {:,} of {:,} log rows, at most {:.0f} % on the usual nights',
        tonight.left_out, rows + tonight.left_out, 100 * usual.left_out
    ) as said
from tonight
join usual using (night)
where rows + tonight.left_out >= $min_rows
    and tonight.left_out / (rows + tonight.left_out) > usual.left_out + $left_out_jump
order by night
