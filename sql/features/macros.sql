-- units(x), whole(n): x in whole steps of 2^-60 and back, so that sums are the same bits in whatever order threads add
create or replace macro units(x) as (x * 1152921504606846976)::hugeint;
create or replace macro whole(n) as n::double / 1152921504606846976
