-- one row per night and title of an item, with the last that the night said of everything else: what is null says nothing.
-- Of an item's titles the one that the night had last stands last.
with typed as (from typed_items),
latest as (
    select
        arrival, item_id,
        arg_max(text, said) filter (text is not null) as text,
        arg_max(category, said) filter (category is not null) as category,
        arg_max(price, said) filter (price is not null) as price,
        arg_max(currency, said) filter (currency is not null) as currency,
        arg_max(kind, said) filter (kind is not null) as kind,
        arg_max(parent_id, said) filter (parent_id is not null) as parent_id,
        arg_max(available, said) filter (available is not null) as available,
        arg_max(valid_from, said) filter (valid_from is not null) as valid_from,
        arg_max(valid_until, said) filter (valid_until is not null) as valid_until
    from typed
    group by arrival, item_id
),
titles as (
    select arrival, item_id, title, count(*) as rows, max(said) as last_said
    from typed
    group by arrival, item_id, title
)
select
    arrival, item_id, titles.title, latest.text, latest.category, latest.price, latest.currency, latest.kind, latest.parent_id,
    latest.available, latest.valid_from, latest.valid_until, titles.rows
from titles
join latest using (arrival, item_id)
order by arrival, item_id, titles.last_said
