-- table item_prices: one row per positive action with a price
create or replace table item_prices as
select item_index, day, price
from actions
where weight > 0 and price is not null
