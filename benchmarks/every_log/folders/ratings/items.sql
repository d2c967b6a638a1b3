-- one row per film, known from the day of its release
select film as item_id, title, genres as text, genre as category, try_cast(released as timestamptz) as arrived_at, _file
from raw
