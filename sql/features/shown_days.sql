-- table shown_days: one row per user, item and day on which the user was shown the item, by what arrived by $arrived_by: the
-- best place, 0 where nobody says which; and whether the user did something that speaks for it on that day
create or replace table shown_days as
with impressions as (from impressions),
user_item_days as (from user_item_days),
shown as (
    select user_index, item_index, day, coalesce(min(place), 0) as place
    from impressions
    where arrival <= $arrived_by::date
    group by user_index, item_index, day
)
select shown.user_index, shown.item_index, shown.day, shown.place, coalesce(user_item_days.actions > 0, false) as acted
from shown
left join user_item_days
    on user_item_days.user_index = shown.user_index
    and user_item_days.item_index = shown.item_index
    and user_item_days.day = shown.day
