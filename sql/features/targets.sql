-- one row per user the lists are made for: all, or a sample of $most that depends on nothing but $salt
with users as (select distinct user_index from chosen),
final as (
    select user_index
    from users
    qualify $most::bigint is null
    or row_number() over (order by md5(concat_ws(' ', $salt::varchar, user_index)), user_index) <= $most::bigint
)
select *
from final
order by user_index
