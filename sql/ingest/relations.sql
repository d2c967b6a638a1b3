-- one row per night and relation that its rows name, with the last day that the night said last; none where it said none
select arrival, thing, relation, other_thing, arg_max({'last': valid_until}, said).last as valid_until
from typed_relations
where reason is null
group by arrival, thing, relation, other_thing
order by arrival, thing, relation, other_thing
