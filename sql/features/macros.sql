-- units(x), whole(n): x in whole steps of 2^-60 and back, so that sums are the same bits in whatever order threads add, and
-- on whatever engine: no step but one rounds, where DuckDB's own cast of a hugeint to double rounds as no other does.
-- x and a sum of values of x are at most 8.7e12 in size, what whole() gives 9.2e18: beyond, either engine stops.
create or replace macro units(x) as
    floor(x * 1048576)::bigint::hugeint * 1099511627776
    + round_even((x * 1048576 - floor(x * 1048576)) * 1099511627776, 0)::bigint;
-- sum(units(x)) of at most four million values, in two sums of smaller numbers, which is faster
create or replace macro sum_of_units(x) as
    sum(floor(x * 1048576)::bigint)::hugeint * 1099511627776
    + sum(round_even((x * 1048576 - floor(x * 1048576)) * 1099511627776, 0)::bigint)::hugeint;
-- A shift is for sizes alone, as is Spark's division; DuckDB's division of a hugeint takes twenty times as long.
create or replace macro whole(n) as
    case when n < 0 then -1 else 1 end * (
        (abs(n) >> 60)::bigint::double
        + (abs(n) - (abs(n) >> 60)::hugeint * 1152921504606846976)::bigint::double / 1152921504606846976
    );
-- the median, of two in the middle their mean, rounded once; it keeps every value in memory (item_stats.sql counts instead)
create or replace macro middle(x) as (quantile_disc(x, 0.5) - quantile_disc(-x, 0.5)) / 2
