-- One row per item shown against a rule of its surface: acted on too recently, too far from the user's usual price, or
-- one too many of its category, what editors pinned aside.
with shown as (
    select surface, user_id, rank, item_id, source, item_index, category, price, user_index,
        exclude_seen_days, min_price_ratio, max_price_ratio, max_per_category
    from recommendations
    join rules using (surface)
    join items using (item_id)
    join users using (user_id)
),
counted as (
    select surface, user_id, category, count(*) as items, any_value(max_per_category) as most
    from shown
    where category <> '' and source <> 'editor:pin'
    group by surface, user_id, category
)
select surface || ': user ' || user_id || ' has acted on item ' || item_id || ' in the last ' || exclude_seen_days || ' days'
from shown join interactions using (user_index, item_index)
where last_age < exclude_seen_days
union all
select surface || ': item ' || item_id || ' costs ' || price || ', user ' || user_id || ' usually pays ' || mean_price
from shown join usual_prices using (user_index)
where price < min_price_ratio * mean_price - 0.001 or price > max_price_ratio * mean_price + 0.001
union all
select surface || ': user ' || user_id || ' has ' || items || ' items of category ' || category
from counted
where items > most
order by all
