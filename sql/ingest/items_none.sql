-- table staged_items: no rows (nothing is known about the items)
create or replace table staged_items (
    arrival date, item_id varchar, title varchar, text varchar, category varchar, price double, currency varchar, kind varchar,
    available boolean, rows bigint
)
