-- One row per item: what a sentence calls it. Control characters would break the line, a long title would hide the rest.
with cleaned as (
    select item_index, item_id, trim(regexp_replace(title, '[\x00-\x1f\x7f-\x9f\s]+', ' ', 'g')) as title
    from items
)
select
    item_index,
    case
        when title = '' then item_id
        when length(title) > $length then trim(left(title, $length - 1)) || '…'
        else title
    end as name
from cleaned
order by item_index
