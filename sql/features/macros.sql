-- units(x), whole(n): x in whole steps of 2^-32 and back, so that sums are the same bits in whatever order threads add
create or replace macro units(x) as (x * 4294967296)::hugeint;
create or replace macro whole(n) as n::double / 4294967296
