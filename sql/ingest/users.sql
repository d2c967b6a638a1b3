-- one row per night, user and attribute, with the last that the night said of it: what is null says nothing
select arrival, user_id, name, arg_max(value, said) as value
from typed_users
where fault is null and value is not null
group by arrival, user_id, name
order by arrival, user_id, name
