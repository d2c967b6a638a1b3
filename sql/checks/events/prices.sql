-- One row per night with more free events than usual, or with many items far from their latest price (another unit?).
select
    night,
    format(
        '{:.0f} % of the events have a price of zero or less, at most {:.0f} % on the usual nights',
        100 * tonight.free / tonight.events, 100 * usual.free
    ) as said
from tonight
join usual using (night)
where tonight.events >= $min_rows and tonight.free / tonight.events > usual.free + $free_jump
union all
select
    night,
    format('{:,} of {:,} items cost {}x more or less than last time: another unit or currency?', far_prices, compared_prices, $price_factor)
from tonight
where compared_prices >= 20 and far_prices / compared_prices > $max_far_prices
order by all
