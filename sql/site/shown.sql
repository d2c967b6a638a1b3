-- One row per user, surface and rank up to $k: what pages show, with the first $digits of the file that it goes to.
create temp table shown as
select md5(user_id)[1:$digits] as shard, surface, user_id, rank, item_id, score, source, reason, policy
from recommendations
where rank <= $k
