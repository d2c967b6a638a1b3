-- table earlier_prices: no rows (there is no earlier partition)
create or replace table earlier_prices (item_id varchar, night date, price double)
