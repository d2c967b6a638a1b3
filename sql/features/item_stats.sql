-- one row per item known at the cut-off
with item_index as (from item_index),
buyer_days as (from buyer_days),
item_prices as (from item_prices),
days as (
    select
        item_index,
        $cutoff_day - day as age,
        next_day is null or next_day > $cutoff_day as is_last,
        day > $cutoff_day - 365
        and day <= $cutoff_day - 365 + $horizon_days
        and (next_day is null or next_day > least($cutoff_day, $cutoff_day - 365 + $horizon_days)) as is_last_a_year_ago
    from buyer_days
    where day <= $cutoff_day
),
counts as (
    select
        item_index,
        count(*) filter (is_last and age < 7) as buyers_7,
        count(*) filter (is_last and age < 28) as buyers_28,
        count(*) filter (is_last and age < 91) as buyers_91,
        count(*) filter (is_last and age < 365) as buyers_365,
        count(*) filter (is_last) as buyers_total,
        count(*) filter (is_last_a_year_ago) as buyers_year_ago,
        max(age) as first_age,
        min(age) as last_age
    from days
    group by item_index
),
-- of the last quarter or, where nobody bought in it, of the last day that somebody did
late_prices as (
    select item_prices.item_index, item_prices.price, count(*) as prices
    from item_prices
    join counts on counts.item_index = item_prices.item_index
    where item_prices.day <= $cutoff_day
        and (item_prices.day > $cutoff_day - 91 or item_prices.day = $cutoff_day - counts.last_age)
    group by item_prices.item_index, item_prices.price
),
ranked as (
    select
        item_index,
        price,
        sum(prices) over (partition by item_index order by price) as until_here,
        sum(prices) over (partition by item_index) as prices
    from late_prices
),
-- the median, of two in the middle their mean, rounded once
medians as (
    select
        item_index,
        (min(price) filter (2 * until_here >= prices) + min(price) filter (2 * until_here > prices)) / 2 as price
    from ranked
    group by item_index
),
final as (
    select
        item_index.item_index,
        coalesce(buyers_7, 0) as buyers_7,
        coalesce(buyers_28, 0) as buyers_28,
        coalesce(buyers_91, 0) as buyers_91,
        coalesce(buyers_365, 0) as buyers_365,
        coalesce(buyers_total, 0) as buyers_total,
        coalesce(buyers_year_ago, 0) as buyers_year_ago,
        first_age,
        last_age,
        medians.price
    from item_index
    left join counts using (item_index)
    left join medians using (item_index)
    where item_index.item_index < $items
)
select *
from final
order by item_index
