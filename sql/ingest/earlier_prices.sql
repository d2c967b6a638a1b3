-- table earlier_prices: one row per earlier night and item that had a price: the median of it
create or replace table earlier_prices as
select item_id, regexp_extract(filename, 'run_date=([0-9-]{10})/[^/]*$', 1)::date as night, median(price) as price
from read_parquet($partitions, filename = true, hive_partitioning = false)
where price > 0
group by all
