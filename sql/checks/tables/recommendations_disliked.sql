-- One row per item shown to a user who dislikes it, or is kept from it.
with shown as (
    select surface, user_id, item_id, user_index, item_index
    from recommendations
    join users using (user_id)
    join items using (item_id)
)
select surface || ': user ' || user_id || ' is never to be shown item ' || item_id
from shown
semi join disliked using (user_index, item_index)
order by all
