-- one row per rating: one and two stars are dislikes
select
    viewer as user_id,
    film as item_id,
    try_cast("time" as timestamptz) as event_time,
    case when try_cast(stars as integer) >= 4 then 'liked' when try_cast(stars as integer) = 3 then 'indifferent' else 'disliked' end
        as event_type,
    stars as value,
    _file,
    _row
from raw
