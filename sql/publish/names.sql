-- One row per item: what a sentence calls it. Control characters would break the line, a long title would hide the rest.
-- An item without a title, or with one of characters that nobody sees, has no name.
with cleaned as (
    select item_index, trim(regexp_replace(title, '[\x00-\x1f\x7f-\x9f\s]+', ' ', 'g')) as title
    from items
)
select
    item_index,
    case
        when not regexp_matches(title, '[^\pC\pZ]') then null
        when length(title) > $length then trim(left(title, $length - 1)) || '…'
        else title
    end as name
from cleaned
order by item_index
