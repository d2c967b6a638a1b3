-- one row per attribute (of `declared`, with its kind) and user known at the cut-off, with what was said of it last by then; of a
-- date its age in days. Of words only those count that enough users with a history share, and of these the most frequent.
with user_log as (from user_log where arrival <= $known_by::date),
user_index as (from user_index where user_index < $users),
history as (select distinct user_index from interactions),
latest as (
    select user_id, name as attribute, arg_max(value, arrival) filter (where value is not null) as value
    from user_log
    group by user_id, name
),
said as (
    select attribute, user_index, kind, value
    from latest
    join declared using (attribute)
    join user_index using (user_id)
),
shared as (
    select attribute, value
    from said
    semi join history using (user_index)
    where kind = 'word'
    group by attribute, value
    having count(*) >= $min_users
    qualify row_number() over (partition by attribute order by count(*) desc, value) <= $words
),
final as (
    select
        said.attribute,
        said.user_index,
        shared.value as word,
        case kind
            when 'number' then as_number(said.value)
            when 'date' then $cutoff_day - date_diff('day', date '1970-01-01', as_date(said.value))
        end as number
    from said
    left join shared on said.kind = 'word' and said.attribute = shared.attribute and said.value = shared.value
)
select *
from final
where word is not null or number is not null
order by attribute, user_index
