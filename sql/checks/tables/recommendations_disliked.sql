-- One row per item shown to a user who dislikes it, is kept from it, or is not among those whom a limit lets have it.
with shown as (
    select surface, user_id, item_id, user_index, item_index
    from recommendations
    join users using (user_id)
    join items using (item_id)
),
limited as (
    select surface, user_id, item_id
    from shown
    join limited_items using (item_index)
    join limited_users using (user_index)
    anti join limits_kept using (user_code, item_code)
),
disliked_ones as (
    select surface, user_id, item_id
    from shown
    semi join disliked using (user_index, item_index)
)
select surface || ': user ' || user_id || ' is never to be shown item ' || item_id
from (from disliked_ones union from limited)
order by all
