-- one row per item known by $known_by, with the best that its logs said by then; $else_later: of an item of which nothing
-- was said by then, with the first that was said later, by $heard_by
with item_index as (from item_index where arrival <= $known_by::date),
first_words as (
    select item_id, min(arrival) as arrival
    from item_log
    where $else_later::boolean and arrival <= $heard_by::date
    group by item_id
    having min(arrival) > $known_by::date
),
item_log as (
    from item_log where arrival <= $known_by::date
    union all
    from item_log semi join first_words on item_log.item_id = first_words.item_id and item_log.arrival = first_words.arrival
),
stats as (from item_stats),
titles as (
    select item_id, title
    from item_log
    where title is not null
    group by item_id, title
    qualify row_number() over (
        partition by item_id
        order by
            case when $title_choice = 'most_frequent' then sum(rows) end desc,
            max(arrival) desc,
            case when $title_choice = 'latest' then max((arrival, place)) end desc,
            sum(rows) desc,
            title
    ) = 1
),
last_snapshot as (select max(arrival) as night from item_log where arrival <= $known_by::date),
-- the last night's word; where one night says two things, which no night does that this version took, the more frequent,
-- then the greater
details as (
    select
        item_id,
        arg_max(text, (arrival, rows, text)) filter (where text is not null) as text,
        arg_max(category, (arrival, rows, category)) filter (where category is not null) as category,
        arg_max(price, (arrival, rows, price)) filter (where price is not null) as price,
        arg_max(currency, (arrival, rows, currency)) filter (where currency is not null) as currency,
        arg_max(kind, (arrival, rows, kind)) filter (where kind is not null) as kind,
        arg_max(parent_id, (arrival, rows, parent_id)) filter (where parent_id is not null) as parent_id,
        arg_max(available, (arrival, rows, available)) filter (where available is not null) as available,
        arg_max(valid_from, (arrival, rows, valid_from)) filter (where valid_from is not null) as valid_from,
        arg_max(valid_until, (arrival, rows, valid_until)) filter (where valid_until is not null) as valid_until,
        max(arrival) as named
    from item_log
    group by item_id
),
described as (
    select
        item_index.item_index,
        item_index.item_id,
        coalesce(titles.title, '') as title,
        details.text,
        details.category,
        coalesce(stats.price, details.price) as price,
        details.currency,
        coalesce(details.kind, 'product') as kind,
        details.parent_id,
        coalesce(details.available, true)
        and ($unsold_days::integer is null or coalesce(stats.last_age <= $unsold_days::integer, true))
        -- an item of events alone is in no snapshot, and not available where there is one
        and (
            $snapshot::varchar <> 'full'
            or coalesce(details.named = last_snapshot.night, last_snapshot.night is null)
        )
        and coalesce($valid_on::date between coalesce(details.valid_from, $valid_on::date)
            and coalesce(details.valid_until, $valid_on::date), false) as available,
        item_index.arrival as first_seen,
        details.valid_from,
        details.valid_until
    from item_index
    left join titles using (item_id)
    left join details using (item_id)
    left join stats using (item_index)
    cross join last_snapshot
),
-- prices of two currencies are not compared; an item of none known has the one that most items have
usual as (
    select currency as usual_currency
    from described
    where currency is not null
    group by currency
    order by count(*) desc, currency
    limit 1
),
priced as (
    select *, coalesce(currency, usual_currency, '') as band_currency
    from described
    left join usual on true
),
banded as (
    select
        *,
        case
            when price is not null
            then least(floor(percent_rank() over same_money * $price_bands), $price_bands - 1)
        end::tinyint as price_band
    from priced
    window same_money as (partition by price is null, band_currency order by price)
),
final as (
    select
        item_index,
        item_id,
        title,
        concat_ws(
            '. ',
            case when list_contains($text_parts::varchar[], 'title') then nullif(title, '') end,
            case when list_contains($text_parts::varchar[], 'text') then nullif(text, title) end,
            case when list_contains($text_parts::varchar[], 'category') then category end,
            case when list_contains($text_parts::varchar[], 'price') then price_words.word end
        ) as text,
        category,
        price,
        price_band,
        currency,
        kind,
        parent_id,
        available,
        first_seen,
        valid_from,
        valid_until
    from banded
    left join price_words using (price_band)
)
select *
from final
order by item_index
