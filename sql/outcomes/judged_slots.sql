-- one row per drawn slot of users for whom the judged run has an item at that rank: surface and user, with which chance the
-- slot showed what it did, whether that was clicked, and whether the judged run shows the same item there
with judged as (
    select surface, user_id, rank, item_id from read_parquet($lists, hive_partitioning = false)
)
select
    shown.surface, shown.user_id, shown.rank, shown.chance, shown.is_clicked, judged.item_id = shown.item_id as is_judged
from drawn_slots as shown
join judged on shown.surface = judged.surface and shown.user_id = judged.user_id and shown.rank = judged.rank
order by shown.surface, shown.user_id, shown.run_id_shown, shown.rank, shown.item_id
