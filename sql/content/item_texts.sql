-- one row per item with a word: its title, as it would be shown, and title, text and category as they were said last by the night
with said as (
    select
        item_id, title, text, category, rows,
        regexp_extract(filename, 'run_date=([0-9-]{10})/[^/]*$', 1)::date as arrival
    from read_parquet($files::varchar[], filename = true, hive_partitioning = false)
),
latest as (
    select
        item_id,
        arg_max(title, (arrival, rows, title)) filter (where title is not null) as title,
        arg_max(text, (arrival, rows, text)) filter (where text is not null) as text,
        arg_max(category, (arrival, rows, category)) filter (where category is not null) as category
    from said
    group by item_id
)
select items.item_id as id, concat_ws(chr(10), nullif(items.title, ''), latest.title, latest.text, latest.category) as text
from items
left join latest using (item_id)
where concat_ws('', items.title, latest.title, latest.text, latest.category) <> ''
order by id
